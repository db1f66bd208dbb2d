"""The page about the lake: one HTML file that needs no network."""
