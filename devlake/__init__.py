"""The lake on one machine: the embedded AWS, the Glue runner, the stand-in for Yahoo, the demo."""
