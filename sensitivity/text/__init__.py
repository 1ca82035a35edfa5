"""Wording of numbers, CSV, YAML, JSON, file names and the process's environment: nothing here knows
studies."""
