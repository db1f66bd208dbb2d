"""Brings bronze back to what it was at a moment, from the bucket's old versions."""
