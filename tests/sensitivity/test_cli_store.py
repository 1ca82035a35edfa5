"""``sensitivity store``: what it finds, moves and deletes, on both databases."""

from __future__ import annotations

import io
import json
import pathlib
import sys
from collections.abc import Callable
from contextlib import closing
from typing import Any

import optuna
import pandas as pd
import pytest
import sqlalchemy as sql

from sensitivity.command import main as cli
from sensitivity.store.store import Store
from tests.contracts import report, trial
from tests.postgres import PASSWORD
from tests.sensitivity.test_migrations import FIRST, SECOND, write
from trainables.names import InputError

Command = Callable[..., tuple[int, str]]
FIRST_TRIALS, SECOND_TRIALS = [trial(0.1), trial(0.2)], [trial(0.2), trial(0.3)]
LABEL = "two/autoencoder/digits/adam/0123abcd"


@pytest.fixture
def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: pathlib.Path
) -> Command:
    """Runs ``sensitivity store ...``; exit code and what it said, in which no password may be."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, answer: str = "") -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["sensitivity", "store", *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        for secret in (PASSWORD, PASSWORD.replace(" ", "%20").replace(",", "%2C")):
            assert secret not in printed.out + printed.err
        return int(ended.value.code or 0), printed.out + printed.err

    return run


@pytest.fixture
def filled(place: str) -> str:
    """Two studies that share a trial, and a trial of none."""
    with closing(Store(place)) as store:
        store.add_study("one", "{}", [*FIRST_TRIALS, trial(9.0)])
        store.add_study("one", "{}", FIRST_TRIALS, replace=True)
        store.add_study("two", '{"tasks": ["autoencoder/digits"], "variants": ["adam"]}', SECOND_TRIALS)
        for each in (*FIRST_TRIALS, trial(9.0)):
            store.record(
                each.key, initial_loss=1.0, reports=[report(1), report(2, "completed", accuracy=0.5)]
            )
        store.record(SECOND_TRIALS[1].key, initial_loss=1.0, reports=[report(1)])
    return place


@pytest.fixture
def adaptive(filled: str) -> str:
    """The same with what Optuna keeps of an adaptive study."""
    with closing(Store(filled)) as store, store.optuna_storage() as storage:
        optuna.create_study(study_name=LABEL, storage=storage).add_trial(optuna.create_trial(value=0.5))
    return filled


def names(place: str) -> list[str]:
    with closing(Store(place)) as store:
        return [each["name"] for each in store.studies()]


def test_a_whole_store_is_found_whole(filled: str, command: Command) -> None:
    assert command("check", "--store", filled) == (
        0,
        "version 6, studies 2, trials 4, epochs 7\nnothing is wrong\n",
    )


WRONG = {
    "epochs are not 1, 2, 3 ...": f"DELETE FROM sensitivity_epochs WHERE epoch = 1 AND key = "
    f"'{FIRST_TRIALS[0].key}'",
    "completed before its last epoch": f"DELETE FROM sensitivity_epochs WHERE epoch = 2 AND key = "
    f"'{FIRST_TRIALS[0].key}'",
    "result without an epoch": f"DELETE FROM sensitivity_epochs WHERE key = '{FIRST_TRIALS[0].key}'",
    "unknown status": f"UPDATE sensitivity_trials SET status = 'lost' WHERE key = '{FIRST_TRIALS[0].key}'",
    "epochs of no trial": f"DELETE FROM sensitivity_trials WHERE key = '{trial(9.0).key}'",
    "study lacks its trial": "INSERT INTO sensitivity_study_trials VALUES ('one', 'absent', 7)",
    "trials of a study that is not there": f"INSERT INTO sensitivity_study_trials VALUES ('gone', "
    f"'{FIRST_TRIALS[0].key}', 0)",
}


@pytest.mark.parametrize(("problem", "damage"), WRONG.items(), ids=WRONG)
def test_what_is_wrong_is_named_with_its_place(
    filled: str, command: Command, problem: str, damage: str
) -> None:
    with closing(Store(filled)) as store, store.database.transaction(writing=True) as connection:
        connection.execute(sql.text(damage))
    code, said = command("check", "--store", filled, "--json")
    found = json.loads(said)["problems"]
    assert (code, [each["problem"] for each in found]) == (1, [problem])
    assert found[0]["where"] in ("one", "gone", *(each.key for each in (*FIRST_TRIALS, trial(9.0))))


def test_a_damaged_file_is_found(tmp_path: pathlib.Path, command: Command) -> None:
    with closing(Store(tmp_path / "s.sqlite")) as store:
        store.add_study("s", "{}", [trial(float(lr)) for lr in range(200)])
    content = bytearray((tmp_path / "s.sqlite").read_bytes())
    content[-8192:-4096] = b"\0" * 4096
    (tmp_path / "s.sqlite").write_bytes(content)
    code, said = command("check", "--store", "s.sqlite")
    assert code == 1, said
    assert "the file is damaged" in said


@pytest.mark.parametrize(("version", "script"), [(1, FIRST), (2, SECOND)])
def test_a_store_of_an_earlier_release_is_migrated_once(
    place: str, command: Command, version: int, script: str
) -> None:
    write(place, script)
    code, said = command("migrate", "--store", place)
    assert (code, said.strip().endswith(f"has version 6, it was {version}")) == (0, True)
    assert command("migrate", "--store", place)[1].strip().endswith("has version 6")
    assert command("check", "--store", place) == (
        0,
        "version 6, studies 1, trials 1, epochs 1\nnothing is wrong\n",
    )


def tables(place: str) -> list[pd.DataFrame]:
    with closing(Store(place)) as store:
        return [table for name in ("one", "two") for table in (store.trials(name), store.epochs(name))]


@pytest.mark.slow
def test_a_copy_there_and_back_is_the_same_and_a_second_one_adds_nothing(
    adaptive: str, command: Command, tmp_path: pathlib.Path, request: pytest.FixtureRequest
) -> None:
    other = str(tmp_path / "other.sqlite") if "://" in adaptive else request.getfixturevalue("postgres").url()
    for source, target in ((adaptive, other), (other, str(tmp_path / "back.sqlite"))):
        for fresh in (True, False):
            code, said = command("copy", source, target, "--json")
            rows = [list(each.values()) for each in json.loads(said)]
            assert (code, rows) == (
                0,
                [["one", 2, 4, 2 * fresh, 4 * fresh], ["two", 2, 3, 2 * fresh, 3 * fresh]],
            )
        for copied, original in zip(tables(target), tables(adaptive), strict=True):
            pd.testing.assert_frame_equal(copied, original)
        with closing(Store(target)) as store, store.optuna_storage() as storage:
            assert [each.value for each in optuna.load_study(study_name=LABEL, storage=storage).trials] == [
                0.5
            ]


def test_a_copy_takes_each_trial_from_where_it_is_further(
    filled: str, command: Command, tmp_path: pathlib.Path
) -> None:
    target = str(tmp_path / "target.sqlite")
    assert command("copy", filled, target, "--study", "two")[0] == 0
    ahead, behind = SECOND_TRIALS
    with closing(Store(filled)) as store:
        store.record(behind.key, initial_loss=1.0, reports=[report(2, "diverged")])
    with closing(Store(target)) as store:
        assert [each["name"] for each in store.studies()] == ["two"]
    assert command("copy", filled, target)[0] == 0
    assert command("copy", target, filled)[0] == 0
    for place in (filled, target):
        with closing(Store(place)) as store:
            assert store.statuses("two") == {ahead.key: "completed", behind.key: "diverged"}


def test_a_copy_leaves_a_trial_alone_that_is_as_far_in_the_target(
    filled: str, command: Command, tmp_path: pathlib.Path
) -> None:
    target = str(tmp_path / "target.sqlite")
    assert command("copy", filled, target)[0] == 0
    key = SECOND_TRIALS[1].key
    ends = {filled: report(2, "diverged"), target: report(2, "completed")}
    for place, last in ends.items():
        with closing(Store(place)) as store:
            store.record(key, initial_loss=1.0, reports=[last])
    before = {place: tables(place) for place in ends}
    assert command("copy", filled, target)[0] == 0
    assert command("copy", target, filled)[0] == 0
    for place in ends:
        for copied, original in zip(tables(place), before[place], strict=True):
            pd.testing.assert_frame_equal(copied, original)


def test_vacuum_drops_what_is_in_no_study_and_asks_first(filled: str, command: Command) -> None:
    assert command("vacuum", "--store", filled, answer="n\n") == (0, "Drop 1 trials of no study? [y/N]: ")
    assert command("vacuum", "--store", filled, answer="y\n")[1].endswith("dropped 1 trials and 2 epochs\n")
    assert command("vacuum", "--store", filled) == (0, "dropped 0 trials and 0 epochs\n")
    assert command("check", "--store", filled)[1].startswith("version 6, studies 2, trials 3, epochs 5")


@pytest.mark.slow
def test_a_deleted_study_leaves_what_another_has(adaptive: str, command: Command) -> None:
    what = "study 'two', 1 trials and 1 epochs (1 trials are in other studies too, and stay)"
    assert command("delete", "two", "--store", adaptive, answer="n\n") == (0, f"Delete {what}? [y/N]: ")
    assert names(adaptive) == ["one", "two"]
    assert command("delete", "two", "--store", adaptive, "--yes") == (0, f"deleted {what}\n")
    assert names(adaptive) == ["one"]
    with closing(Store(adaptive)) as store:
        assert list(store.statuses("one").values()) == ["completed"] * 2
        with store.optuna_storage() as storage:
            assert optuna.get_all_study_names(storage) == []
    assert command("check", "--store", adaptive)[0] == 0


BAD: list[tuple[list[str], str]] = [
    (["delete", "tow", "--store", "{place}", "--yes"], "unknown study 'tow'; did you mean 'two'?"),
    (["delete", "two", "--store", "{place}"], "Nobody answers; give --yes"),
    (["copy", "{place}", "{place}"], "cannot be copied onto itself"),
    (["copy", "{place}", "no/folder/s.sqlite"], "there is no folder"),
    (["copy", "{place}", "other.sqlite"], "study 'one' is another one in"),
    (["copy", "absent.sqlite", "{place}"], "no store at"),
    (
        ["check", "--store", "mysql://ada:a%20secret%2C%20of%20the%20tests@host/name"],
        "cannot be opened: give a SQLite file, or postgresql",
    ),
    (
        ["check", "--store", "postgresql://ada:a secret, of the tests@host:port/name"],
        "cannot be opened: a URL looks like",
    ),
    (
        ["check", "--store", "postgresql+psycopg://ada:a%20secret%2C%20of%20the%20tests@/none?host=/nowhere"],
        "No such file or directory",
    ),
    (
        [
            "check",
            "--store",
            "postgresql+psycopg:///none?host=/nowhere&password=a%20secret%2C%20of%20the%20tests",
        ],
        "password=...",
    ),
]


@pytest.mark.parametrize(
    ("arguments", "message"), BAD, ids=[" ".join(each[:2]) + f" {i}" for i, (each, _) in enumerate(BAD)]
)
def test_bad_input_is_one_line_without_a_password(
    filled: str, command: Command, arguments: list[str], message: str
) -> None:
    with closing(Store("other.sqlite")) as other:
        other.add_study("one", '{"another": 1}', [])
    code, said = command(*(each.format(place=filled) for each in arguments))
    assert code == 2
    assert message in said
    assert [line.split()[0] for line in said.splitlines()][-1:] == ["Error:"]
    assert said.count("\n") == (2 if "[y/N]" in said else 1)


def test_no_password_is_in_the_store_or_in_an_error(adaptive: str, request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue("postgres").url()
    with pytest.raises(InputError) as refused:
        Store(url.replace("%2C", ""))  # a wrong password
    assert "password authentication failed" in str(refused.value)
    assert "secret" not in str(refused.value)
    with closing(Store(adaptive)) as store, store.database.transaction() as connection:
        for name in sql.inspect(connection).get_table_names():
            rows: list[Any] = list(connection.execute(sql.text(f'SELECT * FROM "{name}"')))
            assert "secret" not in str(rows)


def test_how_to_continue_is_said_without_the_password(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        sys, "argv", ["sensitivity", "run", "a.yaml", "--store", "postgresql+psycopg://ada:secret@host/name"]
    )
    monkeypatch.setattr(cli, "app", lambda: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(SystemExit):
        cli.main()
    assert "'postgresql+psycopg://ada:***@host/name'" in capsys.readouterr().err
