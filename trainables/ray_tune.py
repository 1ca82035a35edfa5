"""The Ray Tune trainable that trains a cohort: its members one after another in one process, with the data loaded once."""

from __future__ import annotations

import math
import pathlib
import time
import traceback
from typing import Any

from ray import tune

from trainables.capped_output import CappedOutput

REPORT_EVERY = 1.0
"""Seconds of training between two results to the driver, at least one epoch each: tiny epochs travel together."""
CHECKPOINT = "cohort.pt"
MOST_OUTPUT = 1_000_000
"""Characters that one trial may print; Ray keeps what its workers print on the disk of their node."""
LONGEST_REASON = 500
"""Characters of an exception's message that are kept."""


class CohortTrainable(tune.Trainable):
    """Trains ``config["members"]`` in order and reports every epoch of each.

    The config has ``task``, ``variant``, ``data`` (keyword arguments of :func:`trainables.datasets.load`), ``limit``, ``precision``,
    ``device``, ``shipped`` (tasks and variants of the user's own, pickled, or None), ``objective`` (where a scheduler compares
    trials: metric, maximised, capped) and ``members``: dictionaries with key,
    configuration, seed, epochs and batch_size. A result has ``reports``, the epochs trained since the last result: those of
    :class:`trainables.training.TrainingLoop` with ``key`` and ``initial_loss``. A member whose code raises reports ``status="failed"``
    with ``error``, and the others go on.
    """

    def setup(self, config: dict[str, Any]) -> None:
        import torch

        if config["device"] == "cpu":
            torch.set_num_threads(1)  # a second thread trains 1.5 times as fast, a second worker twice: so workers
        self._output = CappedOutput(MOST_OUTPUT)
        self._data: Any = None
        self._data_key: Any = None
        self._begin(config)

    def _begin(self, config: dict[str, Any]) -> None:
        self.cohort = config
        self.own: dict[str, dict[str, Any]] | None = None
        self.position = 0
        self.loop: Any = None

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take on the next cohort in the same process."""
        self._begin(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """Train whole epochs for about a second (at least one) and report them."""
        reports: list[dict[str, Any]] = []
        # A scheduler that stops trials early sees every epoch by itself; so does who looks for the member that loses its workers.
        one_by_one = "objective" in self.cohort or self.cohort.get("attempt", 1) > 1
        deadline = time.monotonic() + (0 if one_by_one else REPORT_EVERY)
        while self.position < len(self.cohort["members"]) and (not reports or time.monotonic() < deadline):
            reports.append(self._advance())
        result = {"reports": reports, "done": self.position >= len(self.cohort["members"])}
        if "objective" in self.cohort:
            result["objective"] = self._objective(reports[-1])
        return result

    def _objective(self, report: dict[str, Any]) -> float:
        """What a scheduler compares: the loss so far, capped at the initial loss; or the negative of what is maximised."""
        sign, cap = -1.0 if self.cohort["objective"]["maximised"] else 1.0, report.get("initial_loss", math.inf)
        loss = sign * report.get(self.cohort["objective"]["metric"], math.nan)
        worst = cap if self.cohort["objective"]["capped"] else math.inf
        return min(loss, worst) if math.isfinite(loss) else worst

    def _advance(self) -> dict[str, Any]:
        """One epoch of the member whose turn it is; a member that raises has failed, and the next takes its turn."""
        member = self.cohort["members"][self.position]
        try:
            with self._output.of(member["key"]):
                if self.loop is None:
                    self.loop = self._loop(member)
                report = {"key": member["key"], "initial_loss": self.loop.initial_loss, **self.loop.train_epoch()}
        except (Exception, SystemExit) as error:  # the user's task, model or data may raise anything, or call sys.exit
            last = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{pathlib.Path(last.filename).name}:{last.lineno}"
            said = str(error)[:LONGEST_REASON]
            report = {"key": member["key"], "status": "failed", "error": f"{type(error).__name__}: {said} ({where})"}
        if report["status"] != "running":
            self.position += 1
            self.loop = None
        return report

    def _unpacked(self) -> dict[str, dict[str, Any]]:
        """The tasks, variants and schedules that came by value."""
        import pickle

        from trainables.dotted import GIVEN

        if self.own is None:
            self.own = pickle.loads(self.cohort["shipped"]) if self.cohort.get("shipped") else {}
            GIVEN.update(self.own.get("functions", {}))
        return self.own

    def _loop(self, member: dict[str, Any]) -> Any:
        from trainables.function_tasks import FunctionLoop, FunctionTask
        from trainables.training import TrainingLoop

        task = self._own("tasks", self.cohort["task"])
        if isinstance(task, FunctionTask):
            return FunctionLoop(task, self.cohort["variant"], member["configuration"], member["seed"], epochs=member["epochs"])
        return TrainingLoop(
            task,
            self._own("variants", self.cohort["variant"]),
            member["configuration"],
            member["seed"],
            data=self._dataset(task),
            epochs=member["epochs"],
            batch_size=member["batch_size"],
            precision=self.cohort.get("precision", "float32"),
        )

    def _own(self, kind: str, name: str) -> Any:
        """A task or variant: one that came by value, or the one that its name makes."""
        from trainables.tasks import task
        from trainables.variants import variant

        own = self._unpacked()
        if name in own.get(kind, {}):
            return own[kind][name]
        return task(name) if kind == "tasks" else variant(name)

    def _dataset(self, task: Any) -> Any:
        from trainables.datasets import load

        wanted = (task.dataset if isinstance(task.dataset, str) else task.sources, self.cohort["limit"], self.cohort["device"])
        if self._data_key != wanted:
            whole = load(task.dataset, **self.cohort["data"])
            self._data, self._data_key = whole.limited(wanted[1]).to(wanted[2]), wanted
        return self._data

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        import torch

        state = {"position": self.position, "loop": self.loop.state_dict() if self.loop is not None else None}
        torch.save(state, pathlib.Path(checkpoint_dir) / CHECKPOINT)

    def load_checkpoint(self, checkpoint: Any) -> None:
        import torch

        state = torch.load(pathlib.Path(checkpoint) / CHECKPOINT, map_location="cpu", weights_only=False)
        self.position, self.loop = state["position"], None
        if state["loop"] is not None:
            self.loop = self._loop(self.cohort["members"][self.position])
            self.loop.load_state_dict(state["loop"])
