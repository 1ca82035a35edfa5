"""What holds for every test: the same examples on every run, and no deadline for a busy machine to miss."""

from hypothesis import settings

settings.register_profile("reproducible", derandomize=True, deadline=None, database=None)
settings.load_profile("reproducible")
