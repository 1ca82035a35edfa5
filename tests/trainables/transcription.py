"""Algorithm 1 of "Optimizing CNNs" in NumPy, float64: one tensor, one rule, no batching. Written from the
paper's equations alone; slow momentum, sign and caution are those of the papers that the hyperalgorithm names."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def decay_at(schedule: str, decay: float, step: int, period: int) -> float:
    """mu_t or nu_t at step t, counted from 1."""
    if schedule == "constant":
        return decay
    if schedule == "bias_corrected":
        return decay * (1 - decay ** (step - 1)) / (1 - decay**step)
    if schedule == "true_mean":
        return (step - 1) / step
    if schedule == "handcrafted":
        return min(1 - 1 / ((step - 1) // period + 1), decay)
    raise KeyError(schedule)


def train(
    settings: dict[str, Any],
    gradient: Callable[[Array, int], Array],
    theta: Array,
    steps: int,
    curvature: Callable[[Array, int], Array | None] | None = None,
) -> Array:
    """theta after ``steps`` updates.

    Args: settings: every setting of the algorithm, by name. gradient: of the loss, at (theta, t), t from 1.
        theta: where to begin. curvature: for order="second", the Hessian times u at (theta, t), or None at a
        step that leaves v alone.
    """
    alpha, p, epsilon, period = settings["lr"], settings["p"], settings["epsilon"], settings["period"]
    scaled = settings["momentum_gradient"] == "scaled"
    v: Array = np.zeros_like(theta)
    m: Array = np.zeros_like(theta)
    m_slow: Array = np.zeros_like(theta)
    slow_mu, slow_weight = settings.get("slow_mu", 0.0), settings.get("slow_weight", 0.0)
    sign, cautious = settings.get("sign", False), settings.get("cautious", False)
    seen = 0  # how many h went into v
    for t in range(1, steps + 1):
        mu = decay_at(settings["mu_schedule"], settings["mu"], t, period)
        mu_next = decay_at(settings["mu_schedule"], settings["mu"], t + 1, period)
        grad = gradient(theta, t)
        h = grad if settings.get("order", "first") == "first" or curvature is None else curvature(theta, t)

        if h is not None:
            seen += 1
            nu = decay_at(settings["nu_schedule"], settings["nu"], seen, period)
            if math.isinf(p):
                v = np.maximum(nu * v, np.abs(h))
            else:
                v = nu * v + {"mean": 1 - nu, "sum": 1.0}.get(settings["adaptive"], 0.0) * np.abs(h) ** p
        if settings["adaptive"] == "none":
            v_bar: Array = np.ones_like(theta)
        else:
            v_bar = (v if math.isinf(p) else v ** (1 / p)) + epsilon

        g = alpha / v_bar * grad if scaled else grad
        fresh = {"mean": 1 - mu, "sum": 1.0}[settings["momentum_accumulation"]]
        if settings["momentum"] == "none":
            m_bar = g
        else:
            m = mu * m + fresh * g
            m_bar = m if settings["momentum"] == "cm" else mu_next * m + fresh * g

        m_slow = slow_mu * m_slow + (1 - slow_mu) * g
        m_bar = m_bar + slow_weight * m_slow
        if sign:
            m_bar = np.sign(m_bar)
        if cautious:
            agrees = m_bar * grad > 0
            m_bar = np.where(agrees, m_bar * theta.size / (agrees.sum() + 1), 0.0)
        theta = theta - (m_bar if scaled and not sign else alpha / v_bar * m_bar)
    return theta
