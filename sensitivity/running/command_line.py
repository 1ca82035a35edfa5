"""The command line of a program in a sweep: its placeholders, filled in with the values of a trial."""

from __future__ import annotations

import hashlib
import pathlib
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trainables.names import InputError, unknown

ALL = ("args", "overrides")
"""Placeholders of every hyperparameter: as options of ``argparse``, and as overrides of Hydra."""
OTHERS = ("seed", "variant", "epochs", "folder")
"""Placeholders of a trial: its seed, its variant, the study's epochs, and the folder of its output."""
PLACEHOLDER = re.compile(r"\{([^{}\s]+)\}")
ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
LARGEST_FILE = 10_000_000
"""Bytes of a file of the command above which it is data and no script."""


@dataclass(frozen=True)
class CommandLine:
    """Words of a command, with placeholders, and the environment variables before them.

    Args:
        words: such as ``("LR={lr}", "python", "train.py", "{args}")``.
    """

    words: tuple[str, ...]

    @property
    def variables(self) -> dict[str, str]:
        """Environment variables by name, with placeholders: the words NAME=VALUE before the program."""
        found: dict[str, str] = {}
        for word in self.words:
            if not (match := ASSIGNMENT.fullmatch(word)):
                break
            found[match[1]] = match[2]
        return found

    @property
    def program(self) -> tuple[str, ...]:
        """The words from the program on."""
        return self.words[len(self.variables) :]

    @property
    def placeholders(self) -> set[str]:
        """The names of the placeholders."""
        return {name for word in self.words for name in PLACEHOLDER.findall(word)}

    def filled(self, values: Mapping[str, Any], others: Mapping[str, Any]) -> list[str]:
        """Return the program's words with the values of a trial, without words of what has no value there.

        Args:
            values: hyperparameters.
            others: values of :data:`OTHERS`.

        >>> words = CommandLine(("python", "train.py", "{args}", "--seed={seed}"))
        >>> words.filled({"lr": 0.1, "nesterov": True}, {"seed": 3})
        ['python', 'train.py', '--lr=0.1', '--nesterov', '--seed=3']
        """
        filled: list[str] = []
        for word in self.program:
            if word == "{args}":
                filled += [_option(name, value) for name, value in values.items() if value is not False]
            elif word == "{overrides}":
                filled += [f"{name}={_text(value)}" for name, value in values.items()]
            elif (text := _filled(word, {**values, **others})) is not None:
                filled.append(text)
        return filled

    def environment(self, values: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, str]:
        """Return the environment variables with the values of a trial."""
        filled = {name: _filled(text, {**values, **others}) for name, text in self.variables.items()}
        return {name: text for name, text in filled.items() if text is not None}

    def label(self) -> str:
        """Return a short name: that of the first file of Python, else of the program.

        >>> CommandLine(("torchrun", "src/train.gpt.py", "{args}")).label()
        'train_gpt'
        """
        script = next((word for word in self.program if word.endswith(".py")), self.program[0])
        return (
            pathlib.PurePath(script).name.removesuffix(".py").replace(".", "_").replace(":", "_") or "program"
        )

    def digest(self) -> str:
        """Return a hash of the command and of the files in the working directory that its words name, also
        after an equals sign: ``--config=conf.yaml``."""
        content = hashlib.sha256(repr(self.words).encode())
        for word in self.program:
            for name in (word, word.partition("=")[2]):
                file = pathlib.Path(name)
                if name and not PLACEHOLDER.search(word) and _is_source(file):
                    content.update(file.read_bytes())
        return content.hexdigest()[:12]

    def check_program(self) -> None:
        """Refuse a command without a program, or with one that is not found.

        Raises: InputError.
        """
        if not self.program:
            raise InputError(
                "a sweep needs a command after --, such as `sensitivity sweep study.yaml -- python train.py "
                "{args}`"
            )
        first = self.program[0]
        if not PLACEHOLDER.search(first) and shutil.which(first) is None:
            raise InputError(f"program {first!r} is not found; give a program on the PATH, or its path")
        for word in self.program[1:]:
            if word.endswith(".py") and not PLACEHOLDER.search(word) and not pathlib.Path(word).is_file():
                raise InputError(f"no file {word!r} in the working directory, which the command names")

    def check_placeholders(self, names: Sequence[str]) -> None:
        """Refuse a placeholder that no trial of a study has a value for.

        Args:
            names: hyperparameters of the study.

        Raises: InputError.
        """
        known = [*ALL, *OTHERS, *names]
        for name in sorted(self.placeholders):
            if name not in known:
                raise unknown("placeholder", name, known)
        for word in self.words:
            if word not in ("{args}", "{overrides}") and {*PLACEHOLDER.findall(word)} & {*ALL}:
                raise InputError(f"{{args}} and {{overrides}} are words of their own, got {word!r}")


def _is_source(file: pathlib.Path) -> bool:
    try:
        return file.is_file() and file.stat().st_size <= LARGEST_FILE and not file.is_absolute()
    except OSError:
        return False


def _filled(text: str, values: Mapping[str, Any]) -> str | None:
    """Return a text with its values; None if one is a hyperparameter that the configuration lacks."""
    if any(name not in values for name in PLACEHOLDER.findall(text)):
        return None
    return PLACEHOLDER.sub(lambda match: _text(values[match[1]]), text)


def _option(name: str, value: Any) -> str:
    """Return an option of ``argparse``: a flag for True."""
    return f"--{name}" if value is True else f"--{name}={_text(value)}"


def _text(value: Any) -> str:
    return repr(value) if isinstance(value, float) else str(value)
