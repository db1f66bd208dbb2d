"""The page: what the refined table holds, as one HTML file that needs no network."""
