"""Names of a study in the Markdown and the LaTeX of its report: text, whatever characters they have."""

from __future__ import annotations

import re

import pytest

from sensitivity.measures import Measured
from sensitivity.reporting.contents import Chapter
from sensitivity.reporting.latex import latex
from sensitivity.reporting.markdown import markdown
from tests.sensitivity.tables import bowl, results

ODD = r"a|b\|c_d|"


@pytest.fixture(scope="module")
def measured() -> Measured:
    return Measured(results(bowl, variants=("adam", ODD), task="toy"))


def chapter(title: str = "toy") -> Chapter:
    """A chapter of the task that has its overview and no question."""
    return Chapter("task-1", title, "toy", [], [], [])


def test_a_bar_in_a_name_divides_no_cell_of_a_markdown_table(measured: Measured) -> None:
    lines = markdown(measured, [chapter()], {}).splitlines()
    rows = [line for line in lines if line.startswith("|")]
    cells = [re.split(r"(?<!\\)(?:\\\\)*\|", row) for row in rows]
    assert len({len(row) for row in cells}) == 1
    (named,) = [row for row in rows if row.startswith(r"| a\|")]
    text = re.sub(r"\\(.)", r"\1", named)
    assert text.startswith(f"| {ODD} |")


def test_special_characters_of_a_title_are_text_in_latex(measured: Measured) -> None:
    title = r"50% a_b & $x$ #1 {y} ~z^2 \end"
    (caption,) = {
        line
        for line in latex(measured, [chapter(title)]).splitlines()
        if line.startswith(r"\caption{Overview")
    }
    assert caption == (
        r"\caption{Overview, 50\% a\_b \& \$x\$ \#1 \{y\} \textasciitilde{}z\textasciicircum{}2 "
        r"\textbackslash{}end}"
    )
