"""Formulas of pages as MathML: ``$$...$$`` on lines of their own, ``$...$`` in a sentence.

The repository's viewer draws the same marks, so a page has one form for both.
"""

from __future__ import annotations

import html
import re
from typing import Any

from latex2mathml.converter import convert

CODE = re.compile(r"^(`{3,}).*?^\1`*$|`[^`\n]+`", flags=re.MULTILINE | re.DOTALL)
DISPLAY = re.compile(r"^\$\$(.+?)\$\$$", flags=re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"\$(?=[^\s$0-9])([^$\n]+?)(?<=\S)\$")


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Any) -> str:
    """Return the page with MathML for formulas outside code."""
    if page.file.src_uri.startswith("source/") or "$" not in markdown:
        return markdown
    parts, end = [], 0
    for code in CODE.finditer(markdown):
        parts += [_formulas(markdown[end : code.start()]), code[0]]
        end = code.end()
    return "".join([*parts, _formulas(markdown[end:])])


def _formulas(text: str) -> str:
    text = DISPLAY.sub(lambda match: formula(match[1], "block"), text)
    return INLINE.sub(lambda match: formula(match[1], "inline"), text)


def formula(latex: str, display: str) -> str:
    """Return a formula as MathML, on one line, with Markdown's own marks escaped."""
    text = html.unescape(convert(" ".join(latex.split()), display=display)).replace("\n", "")
    return text.replace("_", "&#95;").replace("*", "&#42;")
