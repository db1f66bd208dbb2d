"""The lake on one machine: the embedded AWS, the Glue runner, the fake Yahoo, the demo."""
