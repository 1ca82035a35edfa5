"""Secrets, persons and places of a machine: left out of every import, and nothing else is."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from sensitivity import from_table
from sensitivity.exchange.columns import Column
from sensitivity.exchange.private_columns import is_private, without_homes

PRIVATE: list[tuple[str, list[Any]]] = [
    ("config.wandb_api_key", ["abc", "abd"]),
    ("apiKey", ["abc"]),
    ("db.password", ["x", 1]),
    ("HF_TOKEN", ["x"]),
    ("aws_secret_access_key", ["x"]),
    ("login", ["ada"]),
    ("config.hostname", ["node17"]),
    ("user_email", ["ada@example.org"]),
    ("note", ["sk-0123456789abcdefghij"]),
    ("x", ["AKIAABCDEFGHIJKLMNOP"]),
    ("x", ["0123456789abcdef0123456789abcdef01234567"]),
    ("code", ["git@example.org:ada/project.git"]),
    ("code", ["https://ada:pw@example.org/project"]),
    ("init", ["random", "/home/ada/weights.pt"]),
    ("init", ["C:\\Users\\ada\\weights.pt"]),
    ("init", ["~/weights.pt"]),
]
PUBLIC: list[tuple[str, list[Any]]] = [
    ("max_tokens", [512, 1024]),
    ("token_dim", [64]),
    ("pad_token", [0, 1]),
    ("key_size", [64, 128]),
    ("optimizer", ["adam", "sgd"]),
    ("activation", ["relu", "F.relu"]),
    ("model", ["google/vit-base", "resnet/18"]),
    ("augment", ["crop@0.5", "none"]),
    ("author_weight", [0.1]),
    ("server_lr", [0.1, 1.0]),
    ("task", ["home/office"]),
]


@pytest.mark.parametrize(("name", "values"), PRIVATE)
def test_private_columns(name: str, values: list[Any]) -> None:
    assert is_private(Column(name, values))


@pytest.mark.parametrize(("name", "values"), PUBLIC)
def test_columns_that_tell_nothing(name: str, values: list[Any]) -> None:
    assert not is_private(Column(name, values))


def test_labels_below_a_home_keep_their_last_part_only() -> None:
    frame = pd.DataFrame(
        {
            "lr": [0.1, 0.01] * 4,
            "dataset": ["/home/ada/data/mnist", "/home/ada/data/mnist", "/home/ada/d2", "/home/ada/d2"] * 2,
            "password": ["a", "b"] * 4,
            "seed": [0, 0, 0, 0, 1, 1, 1, 1],
            "val_loss": [float(i) for i in range(8)],
        }
    )
    results = from_table(frame)
    assert set(results.trials["task"]) == {"mnist", "d2"}
    assert results.spaces["table"].names == ("lr",)
    assert any("Paths are shortened to their last part: dataset." in note for note in results.notes)
    assert any("secrets, persons and places (password)" in note for note in results.notes)
    assert "ada" not in " ".join(results.notes)


def test_paths_with_the_same_last_part_stay_apart() -> None:
    frame = pd.DataFrame({"dataset": ["/home/ada/a/x", "/home/ada/b/x"]}, dtype=object)
    assert without_homes(frame)[0].equals(frame)
