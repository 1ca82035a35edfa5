"""The study, its trials and their keys, checking, planning, presets and estimates."""
