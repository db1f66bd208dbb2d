"""Examines a whole lake, and repairs it."""
