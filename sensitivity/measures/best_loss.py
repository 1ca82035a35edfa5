"""The loss of the best configuration, without the luck of choosing it, and bootstrap draws of that loss."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sensitivity.measures.losses import Array, Losses
from sensitivity.measures.resampling import Draws


def best(group: Losses) -> float:
    r"""Return the loss of the best configuration, chosen by some seeds and measured by another.

    .. math:: \ell^* = \frac1S \sum_s \ell_{c_s, s}, \qquad c_s = \arg\min_c \overline{\ell_{c, -s}}

    The plain minimum is too small wherever several configurations are nearly as good, because luck chooses
    among them and is then counted as merit. Where one is clearly best this is its mean. With one seed it is
    the minimum (:func:`held_out`).

    Source: Stone, "Cross-Validatory Choice and Assessment of Statistical Predictions", JRSS B 36 (1974).
    """
    return float(_cross_fitted(group.loss[None])[0])


def best_draws(group: Losses, drawn: Draws) -> Array:
    r"""Return draws of where the best loss is: :func:`best` less what it missed the truth by in studies like this
    one. Shape ``[draws]``.

    .. math:: \ell^* - (\ell^*_b - \min_c \tilde\mu_{c, b})

    A study b has the configurations of this one, true means (:func:`drawn`) and new noise; its best is chosen
    and measured anew. Luck in choosing makes it miss upwards, so the percentiles of the draws are those of
    the basic bootstrap interval, which allows for that.

    Source: Davison & Hinkley (1997), section 5.2.1.
    """
    known = np.isfinite(group.loss).any(axis=1)
    missed = _cross_fitted(np.minimum(drawn.truth[:, :, None] + drawn.noise, group.initial)) - drawn.truth[
        :, known
    ].min(axis=1)
    return _possible(best(group) - missed, group)


def _possible(loss: Array, group: Losses) -> Array:
    """Return no worse than the initial loss, and above 0 where every loss is."""
    return np.clip(loss, 0.0 if np.nanmin(group.loss) >= 0 else -np.inf, group.initial)


def _cross_fitted(loss: Array) -> Array:
    """Return the mean over seeds of the loss of what the other seeds find best. Shape ``[draws, configurations,
    seeds]`` to ``[draws]``.
    """
    finite = np.isfinite(loss)
    known = np.where(finite, loss, 0.0)
    total, count = known.sum(axis=2), finite.sum(axis=2)
    draws, total_loss = np.arange(len(loss)), np.zeros(len(loss))
    for seed in range(loss.shape[2]):
        choosing, measured = held_out(known[:, :, seed], finite[:, :, seed], total, count)
        total_loss += measured[draws, np.where(count > 0, choosing, np.inf).argmin(axis=1)]
    return np.asarray(total_loss / loss.shape[2])


def held_out(
    known: Array, finite: NDArray[np.bool_], total: Array, count: NDArray[np.int64]
) -> tuple[Array, Array]:
    """Return what the other seeds say of each configuration, and what the seed itself does; where either has no
    trial, the mean of all.

    So a configuration with one seed is chosen and measured by that, as all are in a study of one seed: left
    out, the best might be.

    Args:
        known: losses of a seed, 0 where not ``present``.
        total: of all seeds. All of the same shape.
        count: of all seeds. All of the same shape.
    """
    mean, rest = total / np.maximum(count, 1), count - finite
    return np.where(rest > 0, (total - known) / np.maximum(rest, 1), mean), np.where(finite, known, mean)
