"""Wording of numbers, CSV, YAML, JSON, file names and environment variables; knows nothing of studies."""
