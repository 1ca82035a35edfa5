"""A callback of Hugging Face's Trainer that reports what it logs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transformers import TrainerCallback

from sensitivity.integrations.script import report_all


class TransformersReport(TrainerCallback):
    """Report every number that a Trainer logs, at its step: ``eval_loss``, ``loss``, metrics of one's own.

    ``Trainer(callbacks=[sensitivity.TransformersReport()])``; a script that is started by hand trains as
    before.
    """

    def __init__(self) -> None:
        self._step = -1
        self._names: set[str] = set()

    def on_log(
        self, args: Any, state: Any, control: Any, logs: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> None:
        """Report a line of the log, without what was logged at this step before, as by a last evaluation."""
        step = int(state.global_step)
        if step != self._step:
            self._step, self._names = step, set()
        new = {name: value for name, value in (logs or {}).items() if name not in self._names}
        self._names |= set(new)
        if state.is_world_process_zero:
            report_all(new, step)
