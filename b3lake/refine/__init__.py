"""Refines bronze quotes into one row per ticker and trade date: the Glue job, in rooms. See docs/refine.md."""
