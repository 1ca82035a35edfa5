"""Log folders of TensorBoard with sessions of the HParams plugin."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Mapping
from typing import Any

from sensitivity.exchange.event_files import Session
from sensitivity.exchange.exported_runs import FACTS, exported_row, is_exported
from sensitivity.exchange.tool_tables import ToolTable, frame_of
from trainables.names import InputError

FILES = "events.out.tfevents.*"
PREFIXES = ("hparam/", "hparams/")
"""Before the tags of metrics that ``add_hparams`` writes."""
OF_RAY = ("experiment_state*.json", "*/result.json", "*/params.json")
"""Files of a Ray Tune experiment, which has event files, too."""
MOMENT = re.compile(r"\d{9,}(\.\d+)?$")
"""Name of the folder that PyTorch's ``add_hparams`` makes beside the curves of a run."""


def is_tensorboard(place: pathlib.Path) -> bool:
    """Return True for a folder with event files, unless Ray Tune wrote it."""
    is_of_ray = any(next(place.glob(pattern), None) for pattern in OF_RAY)
    return not is_of_ray and next(place.rglob(FILES), None) is not None


def read_tensorboard(place: pathlib.Path) -> ToolTable:
    """Return a row for each session of the HParams plugin, with the last value of every scalar.

    A session has the scalars of its folder and of those below, and those of the folder around it where
    PyTorch's ``add_hparams`` made the folder. Without an end it is running. The metric is the one that the
    experiment declares, where it declares one.

    Source:
        https://www.tensorflow.org/tensorboard/hyperparameter_tuning_with_hparams
    """
    folders: dict[pathlib.Path, Session] = {}
    for path in sorted(place.rglob(FILES)):
        folders.setdefault(path.parent, Session()).read(path)
    sessions = {folder: session for folder, session in folders.items() if session.hparams is not None}
    if not sessions:
        raise InputError(
            f"the event files in {str(place)!r} hold no hyperparameters: log them with add_hparams (PyTorch) "
            "or the HParams plugin, or give a table of them"
        )
    rows = [_row(folder, session, folders, place) for folder, session in sessions.items()]
    declared = [tag for session in folders.values() for tag in session.metrics]
    metrics = list(dict.fromkeys(f"metrics.{_bare(tag)}" for tag in declared))
    of_export = "key" in rows[0]
    only = metrics[0] if len(metrics) == 1 and any(metrics[0] in row for row in rows) else None
    note = f"Read as logs of TensorBoard: {len(rows)} sessions of HParams, the last value of every scalar."
    return ToolTable(frame_of(rows), None if of_export else only, notes=(note,))


def _row(
    folder: pathlib.Path, session: Session, folders: Mapping[pathlib.Path, Session], place: pathlib.Path
) -> dict[str, Any]:
    scalars = dict(session.scalars)
    for other, beside in folders.items():
        if beside.hparams is None and folder in other.parents:
            below = other.relative_to(folder).as_posix()
            scalars |= {f"{below}/{tag}": value for tag, value in beside.scalars.items()}
    around = folders.get(folder.parent)
    if around is not None and around.hparams is None and MOMENT.match(folder.name):
        scalars = around.scalars | scalars
    hparams = session.hparams or {}
    if is_exported(hparams):
        facts = {**hparams, "key": folder.name}
        configuration = {name: value for name, value in hparams.items() if name not in FACTS}
        return exported_row(facts, _renamed(configuration), scalars)
    seconds = session.end - session.begin if session.begin and session.end else None
    return (
        {f"hparams.{name}": value for name, value in hparams.items()}
        | {f"metrics.{_bare(tag)}": value for tag, value in scalars.items()}
        | {
            "status": session.status or "running",
            "seconds": seconds,
            "run_id": folder.relative_to(place).as_posix(),
        }
    )


def _bare(tag: str) -> str:
    prefix = next((prefix for prefix in PREFIXES if tag.startswith(prefix) and len(tag) > len(prefix)), "")
    return tag[len(prefix) :]


def _renamed(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration with the names that the export changed, as they were another column's."""
    return {name.removeprefix("config/"): value for name, value in configuration.items()}
