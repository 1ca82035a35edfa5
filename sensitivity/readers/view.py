"""A view of a reader: a page and its settings, written as the address of the page."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode

LISTS = ("variant", "seed", "status", "study", "tag")
SCALES = ("auto", "log", "linear")
CAPS = ("initial", "worst")
FILTERS = ("variant", "seed", "status", "ranges", "choices", "outcome", "only_task")


@dataclass(frozen=True)
class View:
    """A page of the dashboard with everything that a reader chose on it.

    Args:
        page: ``studies``, ``new``, ``study``, ``trials``, ``explore``, ``space``, ``trial``, ``compare`` or
            ``unknown``.
        name: Name of the study of the page.
        key: Key of the trial of the page.
        tab: The open question.
        task: Task that is shown; empty shows the first.
        variant: Variants that are kept; none keeps all.
        seed: Seeds that are kept; none keeps all.
        status: Statuses that are kept; none keeps all.
        ranges: Bounds of hyperparameters, both inclusive.
        choices: Values of categorical hyperparameters.
        outcome: Bounds of the metric as it is drawn, both inclusive; empty or one pair.
        only_task: Task whose trials are kept; empty keeps those of every task.
        metric: Metric by which trials are judged; empty is the study's own.
        cap: Cap of the loss of diverged trials; empty is the initial loss.
        scale: Scale of the loss axis; empty is automatic.
        measure: Measure that is shown; empty is the first.
        trial: Key of the selected trial.
        sort: Column that sorts the table, with a minus in front from large to small.
        number: Page of the table, from 1.
        study: Studies that are compared.
        x: Column of the horizontal axis of the scatter of trials; empty is the learning rate.
        y: Column of its vertical axis; empty is the metric.
        colour: Column of its colours; empty is automatic.
        curve_colour: Column that colours the learning curves; empty is the learning rate.
        along: What the history is drawn along, ``trials`` or ``time``; empty is ``trials``.
        tag: Tags of the studies that are listed.
        star: ``yes`` to list studies with a star only.

    >>> view = View.read("/study/a%2Fb", "?variant=adam&variant=sgd&range=lr:0.001:0.1")
    >>> view.name, view.variant, view.ranges
    ('a/b', ('adam', 'sgd'), (('lr', 0.001, 0.1),))
    >>> view.href
    '/study/a%2Fb?variant=adam&variant=sgd&range=lr%3A0.001%3A0.1'
    """

    page: str = "studies"
    name: str = ""
    key: str = ""
    tab: str = ""
    task: str = ""
    variant: tuple[str, ...] = ()
    seed: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    ranges: tuple[tuple[str, float, float], ...] = ()
    choices: tuple[tuple[str, str], ...] = ()
    outcome: tuple[tuple[float, float], ...] = ()
    only_task: str = ""
    metric: str = ""
    cap: str = ""
    scale: str = ""
    measure: str = ""
    trial: str = ""
    sort: str = ""
    number: int = 1
    study: tuple[str, ...] = ()
    x: str = ""
    y: str = ""
    colour: str = ""
    curve_colour: str = ""
    along: str = ""
    tag: tuple[str, ...] = ()
    star: str = ""

    @classmethod
    def read(cls, path: str | None, query: str | None) -> View:
        """Return the view of an address; a setting that cannot be read is left out."""
        settings: dict[str, Any] = _read_path([unquote(part) for part in (path or "").split("/") if part])
        pairs = parse_qsl((query or "").removeprefix("?"))
        for name in LISTS:
            settings[name] = tuple(dict.fromkeys(value for key, value in pairs if key == name))
        settings["ranges"] = tuple(
            bounds for key, text in pairs if key == "range" and (bounds := _read_range(text)) is not None
        )
        settings["choices"] = tuple(
            (name, value)
            for key, text in pairs
            if key == "choice"
            for name, _, value in [text.partition("=")]
        )
        for key, text in pairs:
            if key in _TEXTS:
                settings[key] = text
            if key == "outcome" and (bounds := _read_range(f":{text}")) is not None:
                settings["outcome"] = (bounds[1:],)
            if key == "number" and text.isascii() and text.isdigit() and len(text) < 9:
                settings["number"] = max(1, int(text))
        return cls(**settings)

    @property
    def path(self) -> str:
        """Address without its settings."""
        if self.page == "studies":
            return "/"
        if self.page in ("compare", "new"):
            return f"/{self.page}"
        end = {"study": "", "trial": f"/trial/{quote(self.key, safe='')}"}.get(self.page, f"/{self.page}")
        return f"/study/{quote(self.name, safe='')}{end}"

    @property
    def query(self) -> str:
        """Settings as the query of the address, with the question mark; empty if nothing was chosen."""
        pairs: list[tuple[str, str]] = [(name, value) for name in LISTS for value in getattr(self, name)]
        pairs += [("range", f"{name}:{low!r}:{high!r}") for name, low, high in self.ranges]
        pairs += [("choice", f"{name}={value}") for name, value in self.choices]
        pairs += [("outcome", f"{low!r}:{high!r}") for low, high in self.outcome]
        pairs += [
            (setting.name, getattr(self, setting.name))
            for setting in fields(self)
            if setting.name in _TEXTS and getattr(self, setting.name)
        ]
        if self.number != 1:
            pairs.append(("number", str(self.number)))
        return f"?{urlencode(pairs, quote_via=quote)}" if pairs else ""

    @property
    def href(self) -> str:
        """Address that shows the same view wherever it is opened."""
        return self.path + self.query

    @property
    def filtered(self) -> bool:
        """True if any filter but the task is set."""
        return any(getattr(self, name) for name in FILTERS)

    def but(self, **changes: Any) -> View:
        """Return the view with other settings.

        A change of what is listed goes back to the first page of the table.
        """
        if "number" not in changes and not set(changes) <= {"trial"}:
            changes["number"] = 1
        return replace(self, **changes)

    def on(self, page: str, **changes: Any) -> View:
        """Another page with the same settings."""
        return self.but(page=page, **changes)

    def unfiltered(self) -> View:
        """Return the view without filters."""
        return self.but(**{name: "" if name == "only_task" else () for name in FILTERS})

    def within(self, name: str, low: float, high: float) -> View:
        """Return the view with bounds on a hyperparameter instead of those it had."""
        others = tuple(bounds for bounds in self.ranges if bounds[0] != name)
        return self.but(ranges=(*others, (name, float(low), float(high))))

    def reaching(self, low: float, high: float) -> View:
        """Return the view with bounds on the metric instead of those it had."""
        return self.but(outcome=((float(low), float(high)),))

    def anywhere(self, name: str) -> View:
        """Return the view without bounds on a hyperparameter."""
        return self.but(ranges=tuple(bounds for bounds in self.ranges if bounds[0] != name))

    def among(self, name: str, values: Iterable[str]) -> View:
        """Return the view with other choices of a categorical hyperparameter; none is all of them."""
        others = tuple(choice for choice in self.choices if choice[0] != name)
        return self.but(choices=(*others, *((name, value) for value in values)))


_JUDGED = ("tab", "task", "only_task", "metric", "cap", "scale", "measure", "trial", "sort")
_EXPLORED = ("x", "y", "colour", "curve_colour", "along")
_TEXTS = (*_JUDGED, *_EXPLORED, "star")


def _read_path(parts: list[str]) -> dict[str, Any]:
    match parts:
        case []:
            return {"page": "studies"}
        case ["compare" | "new" as page]:
            return {"page": page}
        case ["study", name]:
            return {"page": "study", "name": name}
        case ["study", name, "trials" | "explore" | "space" as page]:
            return {"page": page, "name": name}
        case ["study", name, "trial", key]:
            return {"page": "trial", "name": name, "key": key}
        case _:
            return {"page": "unknown", "name": "/".join(parts)}


def _read_range(text: str) -> tuple[str, float, float] | None:
    name, *ends = text.rsplit(":", 2)
    try:
        low, high = (float(end) for end in ends)
    except ValueError:
        return None
    return None if math.isnan(low) or math.isnan(high) else (name, min(low, high), max(low, high))
