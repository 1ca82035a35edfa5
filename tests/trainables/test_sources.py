"""What a callable computes, as text: the same in every process, other for other code."""

from __future__ import annotations

import functools
import pathlib
import subprocess
import sys

from trainables.known_answers import Ishigami
from trainables.losses import mse
from trainables.models import ConvAutoencoder
from trainables.sources import identity, title

FILE = "def loss(outputs, x, y):\n    return (outputs - {target}).square().mean()\n"
SHOW = "import {name}, trainables.sources; print(trainables.sources.identity({name}.loss))"


def shown(folder: pathlib.Path, name: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", SHOW.format(name=name)],
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": f"{folder}:."},
    ).stdout


def test_our_own_code_is_named() -> None:
    assert identity(mse) == "trainables.losses.mse"
    assert (
        identity(functools.partial(ConvAutoencoder, width=2.0))
        == "partial(trainables.models.ConvAutoencoder, width=2.0)"
    )
    assert identity(Ishigami()) != identity(Ishigami(a=1.0))


def test_a_users_code_is_known_by_its_source_in_whatever_module_and_process(tmp_path: pathlib.Path) -> None:
    for name, target in (("one", "x"), ("same", "x"), ("other", "y")):
        (tmp_path / f"{name}.py").write_text(FILE.format(target=target))
    assert shown(tmp_path, "one") == shown(tmp_path, "same") != shown(tmp_path, "other")


def test_addresses_take_no_part() -> None:
    class Plain:
        def __call__(self) -> None: ...

    assert identity(Plain()) == identity(Plain())
    assert identity(functools.partial(mse, object())) == identity(functools.partial(mse, object()))


def test_titles_see_through_partials() -> None:
    assert (
        title(functools.partial(functools.partial(ConvAutoencoder, width=2.0), slope=0.1))
        == "ConvAutoencoder"
    )
    assert title(functools.partial(mse, y=1)) == "mse"
