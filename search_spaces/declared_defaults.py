"""The default setting that a search space declares."""

from __future__ import annotations

from typing import Any

from search_spaces.spaces import SearchSpace


def declared_default(space: SearchSpace) -> dict[str, Any] | None:
    """Return the configuration of the declared defaults of a space; None where one is missing.

    A hyperparameter with a single value needs no default, the middle of a range is none, and hyperparameters
    that the other defaults make inactive are left out. A space in which nothing varies has no default
    setting.

    >>> from search_spaces import Float
    >>> lr, mu = Float("lr", 1e-3, 1, "log", 0.1), Float("mu", 0.5, 0.99, "log1m")
    >>> declared_default(SearchSpace(lr)), declared_default(SearchSpace(lr, mu))
    ({'lr': 0.1}, None)
    """
    setting = space.default()
    varied = [space[name] for name in setting if space[name].cardinality != 1]
    if not varied or any(hyperparameter.default is None for hyperparameter in varied):
        return None
    return setting
