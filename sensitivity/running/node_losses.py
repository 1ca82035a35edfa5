"""Recovery from the loss of a local Ray's only node: start another Ray, and continue from the store."""

from __future__ import annotations

from collections.abc import Callable

LOSSES = 3
"""Consecutive losses of the node, without an ended trial between them, after which a run gives up."""


class NodeLost(RuntimeError):
    """The node of a local Ray is gone: its raylet was killed, for example because memory ran out.

    Args:
        ended: number of trials that had ended before.
    """

    def __init__(self, ended: int) -> None:
        super().__init__(
            f"the local Ray lost its node {LOSSES} times without a trial that ended in between; every "
            "reported epoch is in the store: give the same command to continue (a machine that runs out of "
            "memory loses it: fewer --workers need less)"
        )
        self.ended = ended


def restarting(train: Callable[[], None], note: Callable[[str], None]) -> None:
    """Train, and train again whenever the local Ray has lost its node.

    Args:
        train: trains the trials that the store lacks, on a new Ray.
        note: shows a sentence to the user.

    Raises: NodeLost after :data:`LOSSES` losses in a row during which no trial ended.
    """
    in_a_row = total = 0
    while True:
        try:
            return train()
        except NodeLost as loss:
            in_a_row, total = 1 if loss.ended else in_a_row + 1, total + 1
            if in_a_row >= LOSSES:
                raise
        note(
            f"the local Ray lost its node (loss {total}); the run continues on another, from what the store "
            "has"
        )
