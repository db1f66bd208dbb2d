"""Asks the lake in SQL, as Athena understands it."""
