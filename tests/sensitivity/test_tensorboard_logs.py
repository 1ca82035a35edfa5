"""Logs of TensorBoard's HParams, written by PyTorch, tensorboardX and TensorBoard, read as what was logged."""

from __future__ import annotations

import pathlib
import warnings
from typing import Any

import pytest
import tensorboardX

from sensitivity import from_table, to_tensorboard
from sensitivity.exchange.tool_folders import tool_of
from tests.sensitivity.sweeps import Member, check, check_refused, sweep
from tests.sensitivity.tables import results as made_up
from trainables.names import InputError


def by_torch(place: pathlib.Path) -> list[Member]:
    """Log the sweep with PyTorch's writer, which says of every session that it succeeded."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.utils.tensorboard import SummaryWriter
    members = [member for member in sweep() if member.status in ("completed", "diverged")]
    for number, member in enumerate(members):
        with SummaryWriter(str(place / f"run{number}")) as writer:
            for epoch in range(3):
                writer.add_scalar("train/loss", 1 / (epoch + 1), epoch)
            hparams = {"lr": member.lr, "optimizer": member.optimizer, "seed": member.seed, "nesterov": True}
            writer.add_hparams(hparams, {"hparam/val_loss": member.loss})
    return members


def by_tensorboardx(place: pathlib.Path) -> list[Member]:
    members = [member for member in sweep() if member.status in ("completed", "diverged")]
    for number, member in enumerate(members):
        with tensorboardX.SummaryWriter(str(place / f"run{number}")) as writer:
            hparams = {"lr": member.lr, "optimizer": member.optimizer, "seed": member.seed}
            writer.add_hparams(hparams, {"val_loss": member.loss}, name=f"hparams{number}")
    return members


def by_plugin(place: pathlib.Path) -> list[Member]:
    """Log the sweep with TensorBoard's writer and the messages of its plugin, which say how a session ended."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    def told(tag: str, **content: Any) -> Event:
        data = plugin_data_pb2.HParamsPluginData(version=0, **content).SerializeToString()
        plugin = SummaryMetadata.PluginData(plugin_name="hparams", content=data)
        value = Summary.Value(tag=f"_hparams_/{tag}", metadata=SummaryMetadata(plugin_data=plugin))
        return Event(summary=Summary(value=[value]))

    ends = {"failed": api_pb2.STATUS_FAILURE, "running": None}
    for number, member in enumerate(sweep()):
        writer = EventFileWriter(str(place / f"run{number}"))
        start = plugin_data_pb2.SessionStartInfo(start_time_secs=100.0)
        start.hparams["lr"].number_value = member.lr
        start.hparams["optimizer"].string_value = member.optimizer
        start.hparams["seed"].number_value = member.seed
        writer.add_event(told("session_start_info", session_start_info=start))
        for step, loss in enumerate([2.0, *([] if member.loss is None else [member.loss])]):
            value = Summary.Value(tag="val_loss", simple_value=loss)
            writer.add_event(Event(step=step, summary=Summary(value=[value])))
        status = ends.get(member.status, api_pb2.STATUS_SUCCESS)
        if status is not None:
            end = plugin_data_pb2.SessionEndInfo(status=status, end_time_secs=160.0)
            writer.add_event(told("session_end_info", session_end_info=end))
        writer.close()
    return sweep()


@pytest.mark.parametrize("write", [by_torch, by_tensorboardx, by_plugin])
def test_sessions_are_what_was_logged(tmp_path: pathlib.Path, write: object) -> None:
    members = write(tmp_path / "logs")  # type: ignore[operator]
    assert tool_of(tmp_path / "logs") == "tensorboard"
    results = from_table(tmp_path / "logs")
    check(results, members)
    assert any("TensorBoard" in note and "sessions of HParams" in note for note in results.notes)


def test_an_export_comes_back_as_it_was(tmp_path: pathlib.Path) -> None:
    truth = made_up(lambda configuration, seed: configuration["lr"] + seed / 8, seeds=(0, 1))
    to_tensorboard(truth, tmp_path / "out")
    results = from_table(tmp_path / "out")
    by = ["variant", "config/lr", "config/mu", "seed"]
    found, expected = (table.trials.sort_values(by).reset_index(drop=True) for table in (results, truth))
    assert found[[*by, "task", "status"]].equals(expected[[*by, "task", "status"]])
    assert found["value"].to_numpy() == pytest.approx(expected["value"].to_numpy(), rel=1e-6)


def test_a_record_that_a_killed_run_left_half_is_passed_over(tmp_path: pathlib.Path) -> None:
    by_plugin(tmp_path / "logs")
    path = next((tmp_path / "logs" / "run0").iterdir())
    path.write_bytes(path.read_bytes()[:-7])
    results = from_table(tmp_path / "logs")
    assert results.trials["status"].tolist().count("running") == 3


def test_broken_logs_are_one_clear_error(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    by_plugin(tmp_path / "logs")
    path = next((tmp_path / "logs" / "run0").iterdir())
    path.write_bytes(b"not an event file at all")
    check_refused(tmp_path / "logs", "it is no event file, or damaged at byte 0", monkeypatch, capfd)


def test_logs_without_hyperparameters_are_refused(tmp_path: pathlib.Path) -> None:
    with tensorboardX.SummaryWriter(str(tmp_path / "logs")) as writer:
        writer.add_scalar("loss", 1.0, 0)
    with pytest.raises(InputError, match="hold no hyperparameters: log them with add_hparams"):
        from_table(tmp_path / "logs")


def test_the_event_files_of_ray_tune_are_no_logs(tmp_path: pathlib.Path) -> None:
    by_plugin(tmp_path / "logs")
    (tmp_path / "logs" / "experiment_state-2026.json").write_text("{}")
    assert tool_of(tmp_path / "logs") is None
