"""The lake on one machine: the AWS emulator, the Glue runner, fakes of Yahoo and B3, a counting proxy, the demo."""
