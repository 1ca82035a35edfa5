"""What is asked: a study, its trials and their keys, checking, planning, presets and estimates."""
