"""Ray Tune's base of callbacks, for rooms that do not import Ray."""

from __future__ import annotations

from ray.tune import Callback

__all__ = ["Callback"]
