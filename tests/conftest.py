"""What holds for every test: the same examples on every run, no deadline for a busy machine to miss, and
SIGINT that interrupts."""

from __future__ import annotations

import signal

from hypothesis import settings

from trainables.precision import pin_products

pin_products()  # as in a worker, before the first matrix product
settings.register_profile("reproducible", derandomize=True, deadline=None, database=None)
settings.load_profile("reproducible")
signal.signal(
    signal.SIGINT, signal.default_int_handler
)  # a shell's background jobs ignore it, and so would what tests start and stop
