"""A text from the network as plain data.

The text has a size that can be read, a depth that can be walked, and every name once.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import yaml

from search_spaces.values import read_value
from sensitivity.text.yaml_text import read_yaml
from trainables.names import InputError

MOST_YAML = 100_000
"""Characters of YAML, of which a second reads some 100,000; JSON may be as long as a request."""
MOST_ITEMS = 100_000
"""Names and values, all counted."""
DEEPEST = 20
LONGEST = 1_000
"""Characters of one name or value."""
LARGEST = 2**63
"""Whole numbers beyond have no place in a database."""


def plain_data(text: str) -> dict[str, Any]:
    """Return the mapping of a text in JSON (where it begins with a brace) or YAML.

    YAML may have no anchors, aliases or tags.

    Raises: InputError, naming the place, for another form; for a name given twice; for what is larger, longer
    or deeper than the limits of this module; for a value that JSON does not have; for characters that are not
    printed (control characters, line breaks).

    >>> plain_data("{seeds: 2, design: {kind: grid}}")["design"]
    {'kind': 'grid'}
    """
    try:
        data = _json(text) if text.lstrip()[:1] == "{" and _looks_like_json(text) else _yaml(text)
    except InputError:
        raise
    except (
        ValueError,
        RecursionError,
        TypeError,
        LookupError,
        AttributeError,
    ) as error:  # PyYAML on values such as 2001-99-99
        raise InputError(f"the study cannot be read: {' '.join(str(error).split())[:200]}") from None
    if not isinstance(data, dict):
        raise InputError(f"a study is a mapping of fields, got {type(data).__name__}")
    for items, (place, value) in enumerate(walk(data), 1):
        if items > MOST_ITEMS:
            raise InputError(f"the study must have at most {MOST_ITEMS:,} names and values")
        _check(place, value)
    return data


def walk(value: Any, place: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Return every name and value below a value, with the place where it stands.

    Raises: InputError for what is too deep.
    """
    if depth > DEEPEST:
        raise InputError(f"{place[:LONGEST]} must be at most {DEEPEST} deep")
    if isinstance(value, dict):
        for name, item in value.items():
            yield f"a name in {place or 'the study'}", name
            yield from walk(item, f"{place}.{name}" if place else str(name), depth + 1)
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from walk(item, f"{place}[{position}]", depth + 1)
    else:
        yield place, value


def _check(place: str, value: Any) -> None:
    if isinstance(value, str):
        if len(value) > LONGEST:
            raise InputError(
                f"{place[:LONGEST]} must have at most {LONGEST:,} characters, got {len(value):,}"
            )
        if not value.isprintable():
            raise InputError(f"{place[:LONGEST]} must hold printable characters only, got {value!r}")
        value = read_value(value)
    elif value is not None and not isinstance(value, (bool, int, float)):
        raise InputError(
            f"{place[:LONGEST]} must be a number, a string, true, false or null, got a {type(value).__name__}"
        )
    elif place.startswith("a name in "):
        raise InputError(f"{place[:LONGEST]} must be a string, got {value!r}")
    if isinstance(value, int) and abs(value) >= LARGEST:
        raise InputError(
            f"{place[:LONGEST]} must be within +-2**63, got a number of {len(str(abs(value)))} digits"
        )


def _looks_like_json(text: str) -> bool:
    """Return True for a brace of JSON, whose names are quoted; YAML's short form has a brace too."""
    return text.lstrip()[1:].lstrip()[:1] in ('"', "}")


def _json(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise InputError(f"{twice[:LONGEST]!r} is given twice")
    return mapping


def _no_constant(name: str) -> Any:
    raise InputError(f"JSON has no {name}; write it as a string")


def _yaml(text: str) -> Any:
    if len(text) > MOST_YAML:
        raise InputError(
            f"a study in YAML must have at most {MOST_YAML:,} characters, got {len(text):,}; JSON may be "
            "longer"
        )
    depth = 0
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            line = getattr(event.start_mark, "line", 0) + 1
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
                raise InputError(
                    f"line {line}: anchors and aliases are not taken from the network; write the value out"
                )
            if (tag := getattr(event, "tag", None)) is not None:
                raise InputError(f"line {line}: tags such as {tag[:50]!r} are not taken from the network")
            if isinstance(event, yaml.ScalarEvent) and len(event.value) > LONGEST:
                raise InputError(
                    f"line {line}: a value must have at most {LONGEST:,} characters, got {len(event.value):,}"
                )
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST:
                raise InputError(f"line {line}: the study must be at most {DEEPEST} deep")
    except yaml.YAMLError as error:
        raise InputError("not YAML: " + " ".join(str(error).split())) from None
    return read_yaml(text)
