"""Walks the stages of the lake and shows each one's evidence: an object, a request, a run, a table, an answer."""
