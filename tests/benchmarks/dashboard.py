"""The dashboard over a store of 10,000 trials with 50 epochs: how long its pages and filters take, and how
much memory.

``python -m tests.benchmarks.dashboard [TRIALS]`` asks the application over HTTP in its own process, as a
browser does, and prints seconds of the clock, and of this process in brackets: on a machine that does other
things the first are too many.
"""

from __future__ import annotations

import json
import pathlib
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

from tests.benchmarks.made_store import VARIANTS, make_store

EPOCHS = 50
FILTERS = (
    *(f"variant={name}" for name in VARIANTS),
    "seed=0",
    "status=completed",
    "status=diverged",
    "range=lr:0.001:0.01",
    "range=lr:0.0001:0.1&variant=adam&seed=1",
    "range=mu:0.9:0.99&status=completed",
)
QUICK = ("bar", "trials")
"""The parts of a page that answer a filter at once: what is left, and the rows of the table."""


class Reader:
    """Asks for the parts and figures of pages as the browser's code does."""

    def __init__(self, server: Any) -> None:
        self._client = server.test_client()

    def _ask(self, outputs: Any, inputs: Any, state: Any, *, changed: int = 0) -> Any:
        """The answer of a callback. Args: changed: which of the inputs asks."""
        body = {
            "output": f"..{'...'.join(f'{_id(own, wild=True)}.{name}' for own, name in outputs)}..",
            "outputs": [{"id": own, "property": name} for own, name in outputs],
            "inputs": [{"id": own, "property": name, "value": value} for own, name, value in inputs],
            "changedPropIds": [f"{_id(inputs[changed][0])}.{inputs[changed][1]}"],
            "state": [{"id": own, "property": name, "value": value} for own, name, value in state],
        }
        answer = self._client.post("/_dash-update-component", json=body)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return answer.get_json()["response"]

    def page(self, path: str, query: str = "") -> Any:
        """The page of an address."""
        inputs = [("where", "pathname", path), ("where", "search", query)]
        return self._ask([("main", "children"), ("view", "data")], inputs, [("view", "data", None)])

    def part(self, name: str, path: str, query: str = "", *, again: bool = False) -> Any:
        """A part of a page; None while it is being measured."""
        own, tick = {"name": name, "type": "part"}, {"name": name, "type": "part tick"}
        inputs = [
            ("view", "data", [path, query]),
            ("revision", "data", ""),
            (tick, "n_intervals", 1 if again else None),
        ]
        answer = self._ask(
            [(own, "children"), (tick, "disabled")], inputs, [(own, "id", own)], changed=2 if again else 0
        )
        return answer if answer[_id(tick)]["disabled"] else None

    def figure(self, name: str, path: str, query: str = "") -> Any:
        """A figure; None while it is being measured."""
        ids = {
            each: {"name": name, "type": each}
            for each in ("drawn", "held", "title", "note", "card", "figure tick")
        }
        outputs = [
            (ids["drawn"], "data"),
            (ids["held"], "data"),
            (ids["title"], "children"),
            (ids["note"], "children"),
        ]
        outputs += [(ids["card"], "className"), (ids["figure tick"], "disabled")]
        inputs = [
            ("view", "data", [path, query]),
            ("revision", "data", ""),
            (ids["figure tick"], "n_intervals", None),
        ]
        answer = self._ask(outputs, inputs, [(ids["held"], "data", None), (ids["held"], "id", ids["held"])])
        return answer if answer[_id(ids["figure tick"])]["disabled"] else None


def _id(own: Any, *, wild: bool = False) -> str:
    """An id as text. Args: wild: as the callback declared it, for any name."""
    if isinstance(own, str):
        return own
    return json.dumps({**own, "name": ["MATCH"]} if wild else own, sort_keys=True, separators=(",", ":"))


def timed(ask: Callable[[], Any]) -> tuple[float, float]:
    """Seconds of the clock and of the process."""
    clock, process = time.perf_counter(), time.process_time()
    ask()
    return time.perf_counter() - clock, time.process_time() - process


def shown(what: str, seconds: tuple[float, float], bound: str) -> None:
    print(f"{what:<62} {seconds[0]:6.2f} s  ({seconds[1]:5.2f} s)   {bound}", flush=True)


def until(ask: Callable[[], Any]) -> Any:
    """What is asked for, asked again until it is measured."""
    while (found := ask()) is None:
        time.sleep(0.1)
    return found


def whole(reader: Reader, study: str) -> None:
    """Everything of the first question, asked for at once and again as a page does."""
    from sensitivity.questions import QUESTIONS

    names = [f"{QUESTIONS[0].key}:{each.name}" for each in QUESTIONS[0].figures]
    asks: list[Callable[[], Any]] = [lambda name=name: reader.figure(name, study) for name in names]
    asks.append(lambda: reader.part(f"answer:{QUESTIONS[0].key}", study, again=True))
    while asks:
        asks = [ask for ask in asks if ask() is None]
        time.sleep(0.1)


def main() -> None:
    from sensitivity.dashboard.app import dashboard
    from sensitivity.readers.source import Source

    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder) / "made.sqlite"
        make_store(place, trials=trials, epochs=EPOCHS).close()
        print(f"{trials:,} trials x {EPOCHS} epochs, {place.stat().st_size / 1e6:.0f} MB")
        source = Source(str(place))
        source.warm()
        reader, study = Reader(dashboard(source).server), "/study/made"
        import sensitivity.study.study  # noqa: F401   as the running dashboard has, before the first reader comes

        shown("study list", timed(lambda: (reader.page("/"), reader.part("studies", "/"))), "< 1 s")
        shown(
            "study page: form, tabs, counts",
            timed(lambda: (reader.page(study), reader.part("bar", study))),
            "< 3 s",
        )
        first = "sensitive:lr_curves"
        shown("  and its first figure", timed(lambda: until(lambda: reader.figure(first, study))), "")
        shown("  and all of its sentences and figures", timed(lambda: whole(reader, study)), "")
        shown(
            "trial table",
            timed(lambda: (reader.page(f"{study}/trials"), reader.part("trials", f"{study}/trials"))),
            "< 3 s",
        )
        answers = [
            timed(lambda query=query: [reader.part(part, study, f"?{query}") for part in QUICK])
            for query in FILTERS
        ]
        median = (
            statistics.median(clock for clock, _ in answers),
            statistics.median(process for _, process in answers),
        )
        shown(f"a filter: what is left, rows of the table (median of {len(FILTERS)})", median, "< 0.5 s")
        figures = [
            timed(lambda query=query: until(lambda: reader.figure(first, study, f"?{query}")))
            for query in FILTERS
        ]
        median = (
            statistics.median(clock for clock, _ in figures),
            statistics.median(process for _, process in figures),
        )
        shown("  and its first figure measured anew (median)", median, "")
        again = [timed(lambda query=query: reader.figure(first, study, f"?{query}")) for query in FILTERS]
        shown(
            "  the same asked for again",
            (statistics.median(a for a, _ in again), statistics.median(b for _, b in again)),
            "",
        )
        source.close()
    print(
        f"{'memory at most':<62} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:6.2f} GiB       "
        "        < 1.5 GiB"
    )


if __name__ == "__main__":
    main()
