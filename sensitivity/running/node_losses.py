"""A local Ray whose only node is lost: no node ever joins it, so the run starts another Ray, and continues
from the store."""

from __future__ import annotations

from collections.abc import Callable

LOSSES = 3
"""Losses of the node in a row, between which no trial ended, after which a run gives up."""


class NodeLost(RuntimeError):
    """The node of a local Ray is gone: its raylet was killed, for example by a machine without memory.

    Args:
        ended: trials that ended before.
    """

    def __init__(self, ended: int) -> None:
        super().__init__(
            f"the local Ray lost its node {LOSSES} times without a trial that ended in between; every "
            f"reported epoch is in the store: "
            "give the same command to continue (a machine that runs out of memory loses it: fewer --workers "
            "need less)"
        )
        self.ended = ended


def restarting(train: Callable[[], None], note: Callable[[str], None]) -> None:
    """Train, and again each time that the local Ray loses its node.

    Args:
        train: trains those trials of a study that the store lacks, on a Ray of its own.
        note: shows a sentence to the user.

    Raises: NodeLost after :data:`LOSSES` losses in a row, between which no trial ended.
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
            f"has"
        )
