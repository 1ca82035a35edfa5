"""Texts of figures: names, trials and configurations, escaped for Plotly."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sensitivity.results.repeats import seeds_in_words
from sensitivity.results.results import IMPORTED, PREFIX
from sensitivity.text.wording import number

if TYPE_CHECKING:
    import pandas as pd

    from sensitivity.results.results import Results

LEARNING_RATE = "learning rate"
"""Name of the hyperparameter ``lr`` on an axis."""
METRIC_NAMES = {
    "train_loss_end": "training loss",
    "train_loss": "training loss during the last epoch",
    "test_loss": "test loss",
    "test_accuracy": "test accuracy",
}


def metric_name(results: Results) -> str:
    """Return the name of the metric as text; imported results may have no epochs, so it names none."""
    name = METRIC_NAMES.get(results.metric, results.metric)
    if IMPORTED in results.spec:
        name = results.metric
    elif "epoch" not in name:
        name = f"{name} after the last epoch"
    return f"{name} (higher is better)" if results.direction == "max" else name


@dataclass(frozen=True)
class Outcome:
    """The metric as it is drawn: a maximised metric has the negative as loss, and is drawn as itself.

    sign: factor of a loss, 1 or -1.
    name: label of an axis.
    """

    sign: int
    name: str

    @classmethod
    def of(cls, results: Results) -> Outcome:
        """Return the outcome of a study."""
        return cls(
            -1 if results.direction == "max" else 1,
            "loss" if "loss" in results.metric else plain(results.metric),
        )

    def ends(self, table: Any) -> tuple[Any, Any, Any]:
        """Return value, low and high of a table or row of losses, as they are drawn."""
        low, high = ("low", "high")[:: self.sign]
        return self.sign * table["value"], self.sign * table[low], self.sign * table[high]

    @property
    def better(self) -> str:
        """The direction that is better, for an axis."""
        return "lower" if self.sign > 0 else "higher"


def plain(text: object) -> str:
    """Escape text for Plotly: the signs of HTML and of hover templates.

    >>> plain("<b>adam</b>"), plain("%{x}")
    ('&lt;b&gt;adam&lt;/b&gt;', '%&#123;x}')
    """
    return html.escape(str(text), quote=False).replace("%{", "%&#123;")


def wrapped(text: str, width: int) -> str:
    """Break text into lines of at most so many characters, for Plotly.

    >>> wrapped("one two three", 8)
    'one two<br>three'
    """
    parts = [
        textwrap.wrap(html.unescape(part), width, break_on_hyphens=False) or [""]
        for part in text.split("<br>")
    ]
    return "<br>".join(plain(line) for lines in parts for line in lines)


def short(text: object, most: int = 24) -> str:
    """Cut text to at most so many characters, and escape it for Plotly.

    >>> short("a very long name of a variant", 12)
    'a very long…'
    """
    whole = str(text)
    return plain(whole if len(whole) <= most else f"{whole[: most - 1]}…")


def between(low: float, high: float, form: str = ".0%") -> str:
    """Return two ends as text, or one if both look the same.

    >>> between(0.25, 0.5), between(0.25, 0.251)
    ('25% to 50%', '25%')
    """
    ends = list(dict.fromkeys([f"{low:{form}}", f"{high:{form}}"]))
    return " to ".join(ends)


def about(results: Results, task: str | None = None) -> str:
    """Return task, metric and seeds, for a subtitle."""
    words = [plain(task)] if task is not None else []
    return ", ".join([*words, plain(metric_name(results)), seeds_in_words(results, task)])


def counted(count: int, noun: str) -> str:
    """Return a number with its noun.

    >>> counted(1, "seed"), counted(2, "seed")
    ('1 seed', '2 seeds')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def trial_words(row: Mapping[str, Any], names: list[str], sign: int = 1) -> str:
    """Return a trial as text, for hovering."""
    setting = setting_words(
        {name.removeprefix(PREFIX): row[name] for name in names if row[name] == row[name]}
    )
    ended = (
        f"diverged in epoch {row['epochs_done']}"
        if row["status"] == "diverged"
        else f"{sign * row['loss']:.4g}"
    )
    return f"{ended}<br>{setting}<br>seed {row['seed']}, trial {plain(row['key'])}"


def setting_words(configuration: Mapping[str, Any]) -> str:
    """Return a configuration as text, for hovering."""
    return plain(", ".join(f"{name} {number(value)}" for name, value in configuration.items()))


def with_ends(row: Mapping[str, Any] | pd.Series[Any], form: str = ".3g") -> str:
    """Return a value and its interval as text.

    >>> with_ends({"value": 0.25, "low": 0.1, "high": 0.5}, ".0%")
    '25% (10% to 50%)'
    >>> with_ends({"value": 0.01, "low": -0.002, "high": 0.02}, ".0%")
    '1% (0% to 2%)'
    """
    return f"{row['value']:z{form}} ({row['low']:z{form}} to {row['high']:z{form}})"
