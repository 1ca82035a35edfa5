"""``sensitivity tasks``: models, data and metrics that a study can name."""

from __future__ import annotations

from sensitivity.command.options import AsJson, TaskModule, load_module
from sensitivity.command.terminal import in_words, show


def tasks(task_module: TaskModule = None, as_json: AsJson = False) -> None:
    """List the tasks: model, data, loss, metrics and the hyperparameters of the model.

    Every model also trains on data of your own: mlp/arrays:FILE.npz, resnet/images:FOLDER, gpt/text:FILE.
    +augmented crops and mirrors the images.
    """
    from trainables.tasks import task_rows

    load_module(task_module)
    rows = task_rows()
    if not as_json:
        wanted = ("name", "model", "parameters", "images", "loss", "metrics", "settings", "description")
        rows = [{name: in_words(row[name]) for name in wanted} for row in rows]
    show(rows, as_json)
