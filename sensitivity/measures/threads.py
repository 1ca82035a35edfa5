"""One thread for linear algebra: the matrices of measures are so small that threads wait for each other."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from threadpoolctl import ThreadpoolController

P = ParamSpec("P")
R = TypeVar("R")


def one_thread(function: Callable[P, R]) -> Callable[P, R]:
    """Return a function that runs with one thread for linear algebra, whatever the environment says.

    Of a surface of 240 configurations, two threads on two idle cores take twice the time of one; where other
    processes are busy, ten times.
    """

    @functools.wraps(function)
    def limited(*args: P.args, **options: P.kwargs) -> R:
        with _libraries().limit(limits=1, user_api="blas"):
            return function(*args, **options)

    return limited


@functools.lru_cache(maxsize=1)
def _libraries() -> Any:
    import scipy.linalg  # noqa: F401  # its library is loaded, and found

    return ThreadpoolController()
