"""A callback of Lightning that reports what a module logs."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

from sensitivity.integrations.script import report_all


def _callback() -> Any:
    """Return the class of callbacks of the package that the script uses: lightning or pytorch_lightning."""
    is_older = "pytorch_lightning" in sys.modules and "lightning" not in sys.modules
    return import_module("pytorch_lightning" if is_older else "lightning.pytorch").Callback


class LightningReport(_callback()):  # type: ignore[misc]
    """Report every number that a module logs: after each validation, or each epoch where none validates.

    ``Trainer(callbacks=[sensitivity.LightningReport()])``; a script that is started by hand trains as before.

    Args:
        steps: True to place reports by the number of optimizer steps; False to number them from 1.
    """

    def __init__(self, *, steps: bool = False) -> None:
        super().__init__()
        self._steps = steps
        self._last = -1

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Report after a validation, but not after Lightning's check before training."""
        if not trainer.sanity_checking:
            self._report(trainer)

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Report after an epoch, where no validation does."""
        if not sum(trainer.num_val_batches):
            self._report(trainer)

    def _report(self, trainer: Any) -> None:
        # A validation after training has nothing new to say of the last step.
        is_new = not self._steps or trainer.global_step > self._last
        if trainer.is_global_zero and not trainer.fast_dev_run and is_new:
            self._last = trainer.global_step
            report_all(trainer.callback_metrics, trainer.global_step if self._steps else None)
