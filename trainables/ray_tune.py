"""Ray Tune trainable of a cohort."""

from __future__ import annotations

from typing import Any

from ray import tune

from trainables.capped_output import CappedOutput
from trainables.cohort_training import CohortTraining

MOST_OUTPUT = 1_000_000
"""Longest output of one trial, in characters; Ray stores the output of its workers on the disk of their node.
"""


class CohortTrainable(tune.Trainable):
    """Train the cohorts of a worker, one after another, as :class:`CohortTraining` describes."""

    def setup(self, config: dict[str, Any]) -> None:
        import torch

        from trainables.precision import pin_products

        if config["device"] == "cpu":
            pin_products()
            torch.set_num_threads(
                1
            )  # a second thread trains 1.5 times as fast, a second worker twice: so workers
        self._output = CappedOutput(MOST_OUTPUT)
        self.training = CohortTraining(config, self._output)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Start the next cohort in the same process."""
        self.training.begin(new_config)
        return True

    def cleanup(self) -> None:
        """Close the output of the worker."""
        self._output.close()

    def step(self) -> dict[str, Any]:
        """Train whole epochs for about a second (at least one) and report them."""
        return self.training.step()

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        self.training.save(checkpoint_dir)

    def load_checkpoint(self, checkpoint: Any) -> None:
        self.training.load(checkpoint)
