r"""Docstrings as Markdown: roles of Sphinx become code, doctests become blocks of code, formulas become
MathML, which needs no script."""

from __future__ import annotations

import html
import re
from typing import Any

from griffe import Extension, Object
from latex2mathml.converter import convert

ROLE = re.compile(r":(?:mod|func|class|meth|attr|data|obj):`~?([^`]+)`")
INLINE = re.compile(r":math:`([^`]+)`")
DISPLAY = re.compile(r"^( *)\.\. math::(.*(?:\n(?=\1 +\S|[ ]*\n\1 {2,}\S).*)*)", flags=re.MULTILINE)
DOCTEST = re.compile(r"^( *)>>> .*(?:\n(?! *$).*)*", flags=re.MULTILINE)


class Markdown(Extension):
    """Turns the markup of each docstring that is loaded into Markdown."""

    def on_object(self, *, obj: Object, **kwargs: Any) -> None:
        """Replace roles and formulas in the docstring of an object."""
        if obj.docstring:
            obj.docstring.value = to_markdown(obj.docstring.value)


def to_markdown(docstring: str) -> str:
    """Return a docstring with code for roles, and MathML for formulas.

    >>> to_markdown("See :mod:`search_spaces`.")
    'See `search_spaces`.'
    """
    docstring = DISPLAY.sub(lambda match: f"{match[1]}{_formula(match[2], 'block')}", docstring)
    docstring = INLINE.sub(lambda match: _formula(match[1], "inline"), docstring)
    docstring = ROLE.sub(r"`\1`", docstring).replace("``", "`")
    return DOCTEST.sub(r"\1```pycon\n\g<0>\n\1```", docstring)


def _formula(latex: str, display: str) -> str:
    """A formula as MathML, on one line, so that Markdown leaves it alone."""
    return (
        html.unescape(convert(" ".join(latex.split()), display=display))
        .replace("\n", "")
        .replace("_", "&#95;")
        .replace("*", "&#42;")
    )
