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
    among them and is then counted as merit. Where one configuration is clearly best, the value is its mean.
    With one seed it is the minimum (:func:`held_out`).

    Source: Stone, "Cross-Validatory Choice and Assessment of Statistical Predictions", JRSS B 36 (1974).
    """
    return float(_cross_fitted(group.loss[None])[0])


def best_draws(group: Losses, drawn: Draws) -> Array:
    r"""Return draws of the true best loss: :func:`best` less its error in simulated studies, ``[draws]``.

    .. math:: \ell^* - (\ell^*_b - \min_c \tilde\mu_{c, b})

    A simulated study b has the configurations of this study, true means
    (:func:`sensitivity.measures.resampling.drawn`) and new noise; its best configuration is chosen and
    measured again. Luck in choosing makes the error positive, so the percentiles of the draws are those of
    the basic bootstrap interval, which allows for that.

    Source: Davison & Hinkley (1997), section 5.2.1.
    """
    known = np.isfinite(group.loss).any(axis=1)
    missed = _cross_fitted(np.minimum(drawn.truth[:, :, None] + drawn.noise, group.initial)) - drawn.truth[
        :, known
    ].min(axis=1)
    return _possible(best(group) - missed, group)


def _possible(loss: Array, group: Losses) -> Array:
    """Return losses clipped to the possible range.

    They are at most the initial loss, and at least 0 where every loss is.
    """
    return np.clip(loss, 0.0 if np.nanmin(group.loss) >= 0 else -np.inf, group.initial)


def _cross_fitted(loss: Array) -> Array:
    """Return the mean over seeds of the loss of the configuration that the other seeds rank best.

    Args:
        loss: Losses, ``[draws, configurations, seeds]``.

    Returns:
        ``[draws]``.
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
    """Return the mean loss over the other seeds, and the loss of the seed, of each configuration.

    Where either has no trial, the mean over all seeds replaces it. So a configuration with one seed is chosen
    and measured by that seed, as all are in a study of one seed: left out, the best might be lost.

    Args:
        known: Losses of a seed, 0 where it has no trial.
        finite: True where the seed has a trial.
        total: Sum of the losses of all seeds.
        count: Number of seeds with a trial.
    """
    mean, rest = total / np.maximum(count, 1), count - finite
    return np.where(rest > 0, (total - known) / np.maximum(rest, 1), mean), np.where(finite, known, mean)
