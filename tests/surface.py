"""Lists of everything that users write: commands with their options, routes, fields of a study, Python names.

``tests/sensitivity/earlier/*.json`` hold these lists for commit 4aa37a2. They were made by this file, run as
a program with a checkout of that commit as working directory and as ``PYTHONPATH``::

    cd checkout-of-4aa37a2
    PYTHONPATH=. python .../tests/surface.py .../tests/sensitivity/earlier
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import inspect
import json
import pathlib
import sys
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any, get_type_hints

import sensitivity

PACKAGES = ("sensitivity", "search_spaces", "trainables")
EXPORTING = (*PACKAGES, "sensitivity.measures", "sensitivity.figures", "sensitivity.questions")
"""Packages whose ``__all__`` is public."""
METHODS = ("get", "put", "post", "delete", "patch", "head", "options")


def commands() -> dict[str, dict[str, Any]]:
    """Return the parameters of every command, by the words of the command; ``FILE`` is a positional one."""
    import typer

    module = importlib.import_module("sensitivity.command.main" if _in_rooms() else "sensitivity.cli")
    return dict(_commands("sensitivity", typer.main.get_command(module.app)))


def _commands(words: str, command: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    function = inspect.unwrap(command.callback) if command.callback else None
    hints = get_type_hints(function) if function else {}
    yield words, dict(_parameter(parameter, hints.get(parameter.name)) for parameter in command.params)
    for name, below in sorted(getattr(command, "commands", {}).items()):
        yield from _commands(f"{words} {name}", below)


def _parameter(parameter: Any, hint: Any) -> tuple[str, dict[str, Any]]:
    """Return name and facts of a parameter; facts that are false are left out."""
    label = " ".join(sorted(parameter.opts)) if parameter.opts[0].startswith("-") else parameter.name.upper()
    facts = {
        "type": getattr(hint, "__name__", str(hint)) if inspect.isclass(hint) else str(hint),
        "off": list(parameter.secondary_opts),
        "required": bool(parameter.required),
        "default": parameter.default if isinstance(parameter.default, (str, int, float)) else None,
        "variable": parameter.envvar,
    }
    return label, {name: fact for name, fact in facts.items() if fact}


def routes(document: dict[str, Any]) -> dict[str, Any]:
    """Return parameters, body and answer of every route of an OpenAPI document, by method and path."""
    return {
        f"{method.upper()} {path}": {
            "parameters": {
                f"{parameter['in']} {parameter['name']}": {
                    "required": parameter.get("required", False),
                    **_fields(parameter["schema"], document),
                }
                for parameter in operation.get("parameters", ())
            },
            "body": {
                kind: _fields(content.get("schema", {}), document)
                for kind, content in operation.get("requestBody", {}).get("content", {}).items()
            },
            "answers": {
                f"{status} {kind}": _fields(content.get("schema", {}), document)
                for status, answer in operation["responses"].items()
                for kind, content in answer.get("content", {}).items()
            },
        }
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if method in METHODS
    }


def _fields(
    schema: dict[str, Any], document: dict[str, Any], place: str = "", depth: int = 0
) -> dict[str, Any]:
    """Return the types and choices of a JSON schema, by the dotted place of each field in it."""
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    found: dict[str, Any] = {}
    types, choices = schema.get("type", []), schema.get("enum", [])
    found[place] = sorted({*([types] if isinstance(types, str) else types), *map(json.dumps, choices)})
    inner = [(place, part) for name in ("anyOf", "oneOf", "allOf") for part in schema.get(name, ())]
    inner += [(f"{place}.{name}", part) for name, part in schema.get("properties", {}).items()]
    inner += [(f"{place}[]", schema["items"])] if isinstance(schema.get("items"), dict) else []
    more = schema.get("additionalProperties")
    inner += [(f"{place}.*", more)] if isinstance(more, dict) else []
    for where, part in inner if depth < 12 else ():
        for name, words in _fields(part, document, where, depth + 1).items():
            found[name] = sorted({*found.get(name, ()), *words})
    return found


def openapi() -> dict[str, Any]:
    """Return the OpenAPI document of a service that has no study."""
    from sensitivity.service.app import create_app
    from sensitivity.service.settings import Settings

    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder)
        document: dict[str, Any] = create_app(Settings(str(place / "s.sqlite"), place / "data")).openapi()
        return document


def study_fields() -> dict[str, list[str]]:
    """Return the fields of a study, of each kind of design, and of each type of hyperparameter."""
    from search_spaces import hyperparameters
    from search_spaces.designs import DESIGNS
    from sensitivity import Study

    kinds = ("Float", "Integer", "Ordinal", "Categorical")
    return {
        "study": [*Study.model_fields, "space"],
        **{f"design {kind}": _names(design) for kind, design in DESIGNS.items()},
        **{f"hyperparameter {kind}": _names(getattr(hyperparameters, kind)) for kind in kinds},
    }


def _names(kind: Any) -> list[str]:
    return [field.name for field in dataclasses.fields(kind)]


def choices() -> dict[str, list[str]]:
    """Return the names that commands, studies and the API accept as values."""
    from search_spaces.adaptive_design import SAMPLERS, SCHEDULERS
    from sensitivity import figures, measures
    from trainables import DECAY_SCHEDULES, LR_SCHEDULES, PRECISIONS, TORCH_DEFAULTS, VARIANTS, task_names

    presets = _presets()
    trial = importlib.import_module("sensitivity.study.trial" if _in_rooms() else "sensitivity.planning")
    return {
        "presets": [*presets.PRESETS, *presets.GROUPS],
        "variants": list(VARIANTS),
        "optimizers of PyTorch": list(TORCH_DEFAULTS),
        "tasks": list(task_names()),
        "measures": list(measures.__all__),
        "figures": list(figures.__all__),
        "metrics": list(trial.METRICS),
        "statuses": list(trial.STATUSES),
        "samplers": list(SAMPLERS),
        "schedulers": list(SCHEDULERS),
        "schedules of the learning rate": list(LR_SCHEDULES),
        "schedules of decay": list(DECAY_SCHEDULES),
        "precisions": list(PRECISIONS),
    }


def preset_keys() -> dict[str, str]:
    """Return for each preset how many trials it has, and a hash of their keys in order."""
    from sensitivity import Study

    planning = importlib.import_module(
        "sensitivity.study.planning" if _in_rooms() else "sensitivity.planning"
    )
    found = {}
    for name in choices()["presets"]:
        if name not in _presets().GROUPS:
            keys = [trial.key for trial in planning.trials(Study.preset(name))]
            found[name] = f"{len(keys)} trials {hashlib.sha256(' '.join(keys).encode()).hexdigest()[:16]}"
    return found


def _in_rooms() -> bool:
    """True for a checkout in which the modules of ``sensitivity`` are in sub-packages."""
    return pathlib.Path(*sensitivity.__path__, "study").is_dir()


def _presets() -> Any:
    return importlib.import_module("sensitivity.study.presets" if _in_rooms() else "sensitivity.presets")


def python_names() -> dict[str, dict[str, list[str] | None]]:
    """Return what each package exports: names, methods and fields, with arguments (None: no function)."""
    found: dict[str, dict[str, list[str] | None]] = {}
    for package in EXPORTING:
        names = found[package] = {}
        module = importlib.import_module(package)
        for name in sorted(module.__all__):
            value = getattr(module, name)
            names[name] = arguments(value)
            if inspect.isclass(value):
                names |= {
                    f"{name}.{member}": arguments(getattr(value, member, None)) for member in members(value)
                }
    return found


def members(kind: type) -> list[str]:
    """Return the fields of a class, and the public attributes that it or a base of ours defines."""
    names = set(_names(kind)) if dataclasses.is_dataclass(kind) else set()
    for base in kind.__mro__:
        if base.__module__.partition(".")[0] in PACKAGES:
            names |= {name for name in vars(base) if not name.startswith("_")}
    return sorted(names)


def arguments(value: Any) -> list[str] | None:
    """Return the names of a function's arguments, without self; None for what cannot be called."""
    if not callable(value):
        return None
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        return None
    return [name for name in signature.parameters if name not in ("self", "cls")]


def main() -> None:
    """Write the lists of the checkout in the working directory as JSON, one file a list."""
    folder = pathlib.Path(sys.argv[1])
    lists: dict[str, Mapping[str, Any]] = {
        "commands": commands(),
        "routes": routes(openapi()),
        "study_fields": study_fields(),
        "choices": choices(),
        "preset_keys": preset_keys(),
        "python_names": python_names(),
    }
    for name, rows in lists.items():
        lines = [f"{json.dumps(label)}: {json.dumps(row)}" for label, row in rows.items()]
        text = "{\n" + ",\n".join(lines) + "\n}"
        (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
