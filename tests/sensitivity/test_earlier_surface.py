"""Commands, study files and Python names of commit 4aa37a2 exist, or CHANGELOG.md has their successors."""

from __future__ import annotations

import json
import pathlib
import pkgutil
import re
from typing import Any

import pytest

from sensitivity.study.resolved import ResolvedStudy
from tests import surface

ROOT = pathlib.Path(__file__).parents[2]
EARLIER = pathlib.Path(__file__).parent / "earlier"
"""Lists of commit 4aa37a2, made by ``tests/surface.py``."""
HEADING = "| name exported by 4aa37a2 | now |"
"""Heading of the table of CHANGELOG.md with every exported name and argument that changed."""
SUCCESSOR = re.compile(r"`((?:sensitivity|search_spaces|trainables)\.[\w.]+)")
"""A name with its package, in the column of today's names."""
RESOLVED = re.compile(r"`study\.resolved\.(\w+)")
OF_INSTANCES = {"Store.was"}
"""Names that only instances of a class have, which the lists lack."""


def earlier(name: str) -> dict[str, Any]:
    """Return a list of commit 4aa37a2."""
    listed: dict[str, Any] = json.loads((EARLIER / f"{name}.json").read_text(encoding="utf-8"))
    return listed


def replaced() -> dict[str, str]:
    """Return the names of 4aa37a2 that CHANGELOG.md says are gone or changed, with what is written now."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").partition(HEADING)[2]
    rows = re.findall(r"^ *\| (.+?) \| (.+?) \|$", text.partition("\n\n")[0], re.MULTILINE)
    return {name: now for before, now in rows for name in re.findall(r"`([^`]+)`", before)}


def test_every_option_of_every_command_is_there() -> None:
    now = surface.commands()
    lost = {
        f"{command} {parameter}": (facts, now.get(command, {}).get(parameter))
        for command, parameters in earlier("commands").items()
        for parameter, facts in parameters.items()
        if now.get(command, {}).get(parameter) != facts
    }
    assert lost == {}
    assert set(earlier("commands")) <= set(now)


def test_no_new_argument_must_be_given() -> None:
    before = earlier("commands")
    assert [
        f"{command} {parameter}"
        for command, parameters in surface.commands().items()
        for parameter, facts in parameters.items()
        if command in before and parameter not in before[command] and facts.get("required")
    ] == []


def test_every_field_of_a_study_is_accepted() -> None:
    now = surface.study_fields()
    lost = {
        kind: sorted(set(names) - set(now.get(kind, ()))) for kind, names in earlier("study_fields").items()
    }
    assert {kind: names for kind, names in lost.items() if names} == {}


def test_every_value_is_accepted() -> None:
    now = surface.choices()
    lost = {kind: sorted(set(names) - set(now[kind])) for kind, names in earlier("choices").items()}
    assert {kind: names for kind, names in lost.items() if names} == {}


@pytest.mark.slow
def test_every_preset_has_the_trials_that_it_had() -> None:
    before, now = earlier("preset_keys"), surface.preset_keys()
    # The quickstart is another study now; that of before has a name of its own, and its trials the same keys.
    assert before.pop("quickstart") == now["autoencoder-quick"]
    assert before.items() <= now.items()


@pytest.mark.slow
def test_every_python_name_is_there_or_in_the_changelog() -> None:
    now, known = surface.python_names(), replaced()
    lost = []
    for package, names in earlier("python_names").items():
        for name, before in names.items():
            if name not in known and name not in now[package]:
                lost.append(f"{package}.{name}")
            missing = set(before or ()) - set(now[package].get(name) or ()) if name not in known else set()
            lost += [label for argument in missing if (label := f"{name}({argument}=)") not in known]
    assert lost == []


def test_the_changelog_lists_names_that_were_there_and_names_that_are() -> None:
    before = {name for names in earlier("python_names").values() for name in names} | OF_INSTANCES
    rows = replaced()
    assert len(rows) > 25
    assert [label for label in rows if label.partition("(")[0] not in before] == []
    successors = {name for now in rows.values() for name in SUCCESSOR.findall(now)}
    assert len(successors) > 15
    assert [name for name in successors if not exists(name)] == []
    assert [
        name for name in RESOLVED.findall(" ".join(rows.values())) if not hasattr(ResolvedStudy, name)
    ] == []


def exists(name: str) -> bool:
    """True if a dotted name is a package or module, or can be reached in one."""
    try:
        pkgutil.resolve_name(name)
    except (ImportError, AttributeError):
        return False
    return True
