"""Faults over the whole pipeline, from a seed: after them the lake must equal the one that a quiet run gives."""
