"""Where quotes come from: Yahoo, and B3's own files."""
