"""Training of a cohort: its members train together if that is faster, on data loaded once."""

from __future__ import annotations

import contextlib
import math
import pathlib
import time
from typing import TYPE_CHECKING, Any

from trainables.outcomes import Objective

if TYPE_CHECKING:
    from trainables.capped_output import CappedOutput

REPORT_EVERY = 1.0
"""Seconds of training between two results to the driver, at least one epoch each: tiny epochs travel
together."""
CHECKPOINT = "cohort.pt"


class CohortTraining:
    """Train ``config["members"]`` in order, in stacks of :mod:`trainables.cohort_sizes`, and report every
    epoch of each.

    The config has ``task``, ``variant``, ``data`` (keyword arguments of :func:`trainables.datasets.load`),
    ``limit``, ``precision``, ``device``, ``shipped`` (tasks and variants of the user's own, pickled, or
    None), ``objective`` (where a scheduler compares trials: metric, maximised, capped), ``cohort_size``
    (members trained together on a GPU instead of what measures best, or None) and ``members``: dictionaries
    with key, configuration, seed, epochs and batch_size. A result has ``reports``, the epochs trained since
    the last result: those of :class:`trainables.training.TrainingLoop` with ``key`` and ``initial_loss``; and
    ``reason``, the reason why members that should train together were trained one after another. A member
    whose code raises reports ``status="failed"`` with ``error``, and the others go on.

    Args:
        config: of the first cohort.
        output: limits what members print; None leaves it alone.
    """

    def __init__(self, config: dict[str, Any], output: CappedOutput | None = None) -> None:
        self._output = output
        self._data: Any = None
        self._data_key: Any = None
        self._sizes: dict[tuple[str, str], int] = {}
        self.begin(config)

    def begin(self, config: dict[str, Any]) -> None:
        """Start a cohort; data are not loaded again."""
        self.cohort = config
        self._by_value: dict[str, dict[str, Any]] | None = None
        self._chosen: dict[tuple[str, str], Any] = {}
        self._initial_losses: dict[str, float] = {}
        self.position = 0
        self.group: Any = None
        self.positions: list[int] = []
        self._reason: str | None = None

    def step(self) -> dict[str, Any]:
        """Train whole epochs for about a second (at least one) and report them."""
        reports: list[dict[str, Any]] = []
        # A scheduler that stops trials early sees every epoch separately, and so does the search for a
        # member that kills its workers.
        deadline = time.monotonic() + (0 if self._one_by_one else REPORT_EVERY)
        while not self.done and (not reports or time.monotonic() < deadline):
            reports += self._advance()
        result = {"reports": reports, "done": self.done, "reason": self._reason}
        if "objective" in self.cohort:
            result["objective"] = self._objective(reports[-1])
        return result

    @property
    def _one_by_one(self) -> bool:
        return "objective" in self.cohort or self.cohort.get("attempt", 1) > 1

    @property
    def done(self) -> bool:
        """True after the last epoch of the last member."""
        return self.group is None and self.position >= len(self.cohort["members"])

    def _output_of(self, key: str) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext() if self._output is None else self._output.of(key)

    def _objective(self, report: dict[str, Any]) -> float:
        """Return the capped loss by which a scheduler compares trials."""
        return Objective(**self.cohort["objective"]).loss(report)

    def _advance(self) -> list[dict[str, Any]]:
        """Train one epoch of the current group; a member that raises fails, and the rest continue."""
        reports = self._next_group() if self.group is None else []
        members = self.cohort["members"]
        if self.group is not None:
            with self._output_of(members[self.positions[0]]["key"]):
                trained = self.group.train_epoch()
            for k, report in trained.items():
                loop = self.group.loops[k]
                reports.append(
                    {"key": members[self.positions[k]]["key"], "initial_loss": loop.initial_loss, **report}
                )
        if self.group is not None and not self.group.running:
            self._reason = self._reason or self.group.reason
            if self.group.largest < len(self.group.loops):  # they did not fit the memory
                self._sizes[self.cohort["task"], self.cohort["variant"]] = self.group.largest
            self.group = None
        return reports

    def _next_group(self) -> list[dict[str, Any]]:
        """Make the loops of the next group of members; return the reports of members whose loop cannot be
        made.
        """
        from trainables.stackable import error_line

        failed: list[dict[str, Any]] = []
        loops: dict[int, Any] = {}
        size = 1
        for at in range(self.position, len(self.cohort["members"])):
            member = self.cohort["members"][at]
            try:
                with self._output_of(member["key"]):
                    loops[at] = self._loop(member)
                size = self._size(loops[at], len(self.cohort["members"]) - at) if len(loops) == 1 else size
            except (
                Exception,
                SystemExit,
            ) as error:  # the user's task, model or data may raise anything, or call sys.exit
                failed.append({"key": member["key"], "status": "failed", "error": error_line(error)})
            self.position = at + 1
            if len(loops) >= size:
                break
        if loops:
            self._train_together(loops, size)
        return failed

    def _size(self, first: Any, largest: int) -> int:
        """Return the number of members to train together."""
        from trainables.cohort_sizes import fitting, pays
        from trainables.training import TrainingLoop

        if not isinstance(first, TrainingLoop) or self._one_by_one or not pays(first):
            return 1
        kind = self.cohort["task"], self.cohort["variant"]
        size: int = self.cohort.get("cohort_size") or self._sizes.get(kind) or fitting(first, largest)
        if size < largest:  # that is what the device takes, whatever the cohort
            self._sizes[kind] = size
        return min(largest, size)

    def _train_together(self, loops: dict[int, Any], size: int) -> None:
        """Start a group. Members of equal seeds and models have the same initial loss, which is evaluated
        once.
        """
        from trainables.cohorts import CohortLoop

        names = [
            repr((loop.seed, getattr(loop, "model_settings", loop.initial_loss))) for loop in loops.values()
        ]
        for name, loop in zip(names, loops.values(), strict=True):
            if math.isnan(loop.initial_loss):
                loop.initial_loss = self._initial_losses.get(name, math.nan)
        self.positions, self.group = list(loops), CohortLoop(list(loops.values()), largest=size)
        self._initial_losses |= {
            name: loop.initial_loss for name, loop in zip(names, loops.values(), strict=True)
        }

    def _unpacked(self) -> dict[str, dict[str, Any]]:
        """Return the tasks, variants and schedules that the driver sent by value."""
        import pickle

        from trainables.dotted import SHIPPED

        if self._by_value is None:
            self._by_value = pickle.loads(self.cohort["shipped"]) if self.cohort.get("shipped") else {}
            SHIPPED.update(self._by_value.get("functions", {}))
        return self._by_value

    def _loop(self, member: dict[str, Any]) -> Any:
        from trainables.function_tasks import FunctionLoop, FunctionTask
        from trainables.training import TrainingLoop

        task = self._resolve("tasks", self.cohort["task"])
        if isinstance(task, FunctionTask):
            return FunctionLoop(
                task, self.cohort["variant"], member["configuration"], member["seed"], epochs=member["epochs"]
            )
        return TrainingLoop(
            task,
            self._resolve("variants", self.cohort["variant"]),
            member["configuration"],
            member["seed"],
            data=self._dataset(task),
            epochs=member["epochs"],
            batch_size=member["batch_size"],
            precision=self.cohort.get("precision", "float32"),
            initial_loss=math.nan,
        )

    def _resolve(self, kind: str, name: str) -> Any:
        """Return a task or variant, sent by value or made from its name; the same object for all members."""
        from trainables.tasks import task
        from trainables.variants import variant

        shipped = self._unpacked().get(kind, {})
        if (kind, name) not in self._chosen:
            self._chosen[kind, name] = (
                shipped[name] if name in shipped else task(name) if kind == "tasks" else variant(name)
            )
        return self._chosen[kind, name]

    def _dataset(self, task: Any) -> Any:
        from trainables.datasets import load

        wanted = (
            task.dataset if isinstance(task.dataset, str) else task.sources,
            self.cohort["limit"],
            self.cohort["device"],
        )
        if self._data_key != wanted:
            whole = load(task.dataset, **self.cohort["data"])
            self._data, self._data_key = whole.limited(wanted[1]).to(wanted[2]), wanted
        return self._data

    def save(self, folder: str) -> None:
        """Write the state of the current cohort."""
        import torch

        states = (
            {self.positions[k]: self.group.state_dict(k) for k in range(len(self.positions))}
            if self.group is not None
            else {}
        )
        torch.save({"position": self.position, "states": states}, pathlib.Path(folder) / CHECKPOINT)

    def load(self, folder: str | pathlib.Path) -> None:
        """Continue from the state in a folder."""
        import torch

        state = torch.load(pathlib.Path(folder) / CHECKPOINT, map_location="cpu", weights_only=False)
        self.position, self.group = state["position"], None
        if not state["states"]:
            return
        loops = {at: self._loop(self.cohort["members"][at]) for at in state["states"]}
        for at, member_state in state["states"].items():
            loops[at].load_state_dict(member_state)
        self._train_together(loops, len(loops))
