"""Verdicts about pairs of variants, rank sets, and what more would decide what is undecided."""
