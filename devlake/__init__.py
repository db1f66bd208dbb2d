"""The lake on one machine: the AWS emulator, the Glue runner, the fake Yahoo, the demo."""
