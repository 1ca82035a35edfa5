"""Ids of the quantities that a text prints: in invisible marks while it is built, beside it afterwards."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from typing import ParamSpec
from urllib.parse import quote, unquote

P = ParamSpec("P")
START, MIDDLE, END = "\ufdd0", "\ufdd1", "\ufdd2"
"""Marks around a quantity: noncharacters of Unicode, which are for use within a program."""
MARKED = re.compile(f"{START}([^{START}{MIDDLE}{END}]*){MIDDLE}([^{START}{MIDDLE}{END}]*){END}")
MARKS = re.compile(f"[{START}{MIDDLE}{END}]")


class Text(str):
    """A text that knows which quantities it prints.

    It equals, and is printed as, the text without marks; only what renders HTML reads ``parts``.

    Attributes:
        parts: The pieces of the text, each with the id of its quantity, which is empty for words.
    """

    parts: tuple[tuple[str, str], ...]

    def __new__(cls, marked: str) -> Text:
        """Read a marked text, as :func:`quantity` builds it."""
        pieces: list[tuple[str, str]] = []
        end = 0
        for match in MARKED.finditer(marked):
            pieces += [(marked[end : match.start()], ""), (match[2], match[1])]
            end = match.end()
        pieces.append((marked[end:], ""))
        parts = tuple((MARKS.sub("", text), name) for text, name in pieces if text)
        text = super().__new__(cls, "".join(text for text, _ in parts))
        text.parts = parts
        return text

    @classmethod
    def of(cls, text: str, name: str) -> Text:
        """Return a text that is one quantity as a whole, by its id."""
        whole = super().__new__(cls, text)
        whole.parts = ((text, name),)
        return whole

    def __reduce__(self) -> tuple[type[Text], tuple[str]]:
        """Pickle the marked text, from which everything else follows."""
        return Text, (marked(self),)


def quantity(text: object, *names: object) -> str:
    """Mark a printed number with the id of its quantity: its names, each quoted, between slashes.

    >>> Text(f"adam loses {quantity('25%', 'regret', 'mlp/digits', 'adam', 'value')}.").parts
    (('adam loses ', ''), ('25%', 'regret/mlp%2Fdigits/adam/value'), ('.', ''))
    """
    return f"{START}{quantity_id(*names)}{MIDDLE}{text}{END}"


def quantity_id(*names: object) -> str:
    """Return the id of a quantity; a name that is NaN, of a row without one, is empty.

    >>> quantity_id("miss_cost", "mlp/digits", "adam", 3.0, "value")
    'miss_cost/mlp%2Fdigits/adam/3.0/value'
    """
    return "/".join([quoted(str(name)) if name == name else "" for name in names])


def names_of(name: str) -> list[str]:
    """Return the names in the id of a quantity.

    >>> names_of("regret/mlp%2Fdigits/adam/value")
    ['regret', 'mlp/digits', 'adam', 'value']
    """
    return [unquote(part) for part in name.split("/")]


@functools.lru_cache(maxsize=4096)
def quoted(name: str) -> str:
    """Quote a name such that no slash is in it."""
    return quote(name, safe="")


def parts_of(text: str) -> tuple[tuple[str, str], ...]:
    """Return the pieces of a text with the ids of their quantities; a plain text is one piece without."""
    return text.parts if isinstance(text, Text) else ((text, ""),)


def marked(text: str) -> str:
    """Return a text with its marks, to be built into another one."""
    return "".join(f"{START}{name}{MIDDLE}{part}{END}" if name else part for part, name in parts_of(text))


def of_quantities(piece: Callable[P, list[str]]) -> Callable[P, list[str]]:
    """Decorate a function that builds sentences with marks: it returns :class:`Text`."""

    @functools.wraps(piece)
    def texts(*arguments: P.args, **named: P.kwargs) -> list[str]:
        return [
            sentence if isinstance(sentence, Text) else Text(sentence)
            for sentence in piece(*arguments, **named)
        ]

    return texts


def only_quantity(text: str) -> str:
    """Return the id of a text that is one quantity as a whole, else an empty text."""
    parts = parts_of(text)
    return parts[0][1] if len(parts) == 1 else ""


def parts_with_code(sentence: str) -> Iterator[tuple[str, str, bool]]:
    """Return the pieces of a sentence: text, id of the quantity, and True for a command between backticks.

    >>> list(parts_with_code("Run `make study` first."))
    [('Run ', '', False), ('make study', '', True), (' first.', '', False)]
    """
    has_code, is_code = sentence.count("`") % 2 == 0, False
    for text, name in parts_of(sentence):
        for place, part in enumerate(text.split("`") if has_code else [text]):
            is_code ^= place > 0
            if part:
                yield part, name, is_code
