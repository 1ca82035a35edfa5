"""Client of a service: submit studies, watch them, and read their results."""

from __future__ import annotations

import json
import pathlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sensitivity.service.client_connection import Connection, address, check_answer
from trainables.names import InputError

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from sensitivity.results.results import Results
    from sensitivity.study.study import Study

PATIENCE = 120.0
"""Seconds for which a service may be unreachable, as during a restart, before waiting for a study fails."""
PAUSE = 1.0
"""Seconds before a lost stream of events is opened again."""
NUMBERS = ("value", "low", "high")


class Client(Connection):
    """A service of ``sensitivity serve``.

    A refusal of the service is an :class:`InputError` with its words, and so is a service that does not
    answer. Use the client as a context manager, or close it.

    Args:
        url: Address of the service, such as ``http://127.0.0.1:8050``.
        token: Token of the service; None if it asks for none.
    """

    def run(self, study: Study, *, progress: Callable[[dict[str, Any]], None] | None = None) -> Results:
        """Give a study, wait for its end, and return its results.

        Args:
            study: The study.
            progress: Called with the study whenever it has changed.
        Raises: InputError also where the study failed or was cancelled.
        """
        self.submit(study)
        ended = self.wait(study.name, progress=progress)
        if ended["state"] == "cancelled" or (ended["state"] == "failed" and not ended["counts"]["completed"]):
            raise InputError(
                f"study {study.name!r} is {ended['state']}"
                + (f": {ended['error']}" if ended["error"] else "")
            )
        return self.results(study.name)

    def submit(self, study: Study) -> dict[str, Any]:
        """Give a study.

        The same again is the same study, which goes on where it was stopped.
        """
        return self._one(
            "POST", "/studies", content=study.to_json(), headers={"Content-Type": "application/json"}
        )

    def plan(self, study: Study) -> dict[str, Any]:
        """Return the trials of a study, and about how many hours they take, before it is given."""
        return self._one(
            "POST", "/plan", content=study.to_json(), headers={"Content-Type": "application/json"}
        )

    def extend(self, name: str, seeds: int) -> dict[str, Any]:
        """Give a study with more seeds, as many as said; with 0 it goes on where it was stopped."""
        return self._one("POST", address(name, "extend"), json={"seeds": seeds})

    def rename(self, name: str, new_name: str) -> dict[str, Any]:
        """Give a study that has ended another name."""
        return self._one("POST", address(name, "rename"), json={"name": new_name})

    def annotation(self, name: str, trial: str | None = None) -> dict[str, Any]:
        """Return the note, the tags and the star of a study, or of its trial with this key."""
        return self._one("GET", _noted(name, trial))

    def annotations(self, name: str) -> list[dict[str, Any]]:
        """Return the trials of a study that have a note, tags or a star."""
        return self._list(address(name, "annotations"))

    def annotate(
        self,
        name: str,
        trial: str | None = None,
        *,
        note: str | None = None,
        tags: Sequence[str] | None = None,
        star: bool | None = None,
    ) -> dict[str, Any]:
        """Change the annotation of a study, or of its trial with this key, and return it.

        Args:
            name: Name of the study.
            trial: Key of a trial; the study itself if None.
            note: Text of at most 10,000 characters; as it is if None.
            tags: At most 20 short names; as they are if None.
            star: True or False; as it is if None.
        """
        changes = {"note": note, "tags": None if tags is None else list(tags), "star": star}
        return self._one("PATCH", _noted(name, trial), json=changes)

    def studies(self) -> list[dict[str, Any]]:
        """Return every study: name, state, number of trials, and how many of them have each status."""
        return self._list("/studies")

    def study(self, name: str) -> dict[str, Any]:
        """Return one study, with its specification."""
        return self._one("GET", address(name))

    def events(self, name: str) -> Iterator[dict[str, Any]]:
        """Return the study whenever it changes, until it has ended; a restarted service is asked again."""
        last, away = "", None
        while True:
            try:
                with self._http.stream(
                    "GET", address(name, "events"), headers={"Last-Event-ID": last} if last else {}
                ) as answer:
                    if answer.is_error:
                        answer.read()
                    check_answer(answer)
                    away = None
                    for kind, identity, data in _events(answer.iter_lines()):
                        if kind == "end":
                            return
                        last = identity
                        yield json.loads(data)
            except self._lost as error:
                away = away or time.monotonic()
                if time.monotonic() - away > PATIENCE:
                    raise self._away(error) from None
            time.sleep(PAUSE)

    def wait(self, name: str, *, progress: Callable[[dict[str, Any]], None] | None = None) -> dict[str, Any]:
        """Wait until a study has ended, and return the study.

        Args:
            name: Name of the study.
            progress: Called with the study whenever it has changed.
        """
        for study in self.events(name):
            if progress is not None:
                progress(study)
        return self.study(name)

    def cancel(self, name: str) -> dict[str, Any]:
        """Stop a study; what it reported stays."""
        return self._one("POST", address(name, "cancel"))

    def delete(self, name: str) -> None:
        """Delete a study and what it found.

        That cannot be undone.
        """
        self._ask("DELETE", address(name), params={"confirm": name})

    def log(self, name: str) -> str:
        """Return the log of the run of a study."""
        return self._ask("GET", address(name, "log")).text

    def results(self, name: str, *, metric: str | None = None, direction: str | None = None) -> Results:
        """Return the results of a study, for every measure and figure here.

        Args:
            name: Name of the study.
            metric: Metric instead of the study's own.
            direction: ``min`` or ``max`` of that metric; None for what its name says.
        """
        from sensitivity.results.results import Results

        fetched: Any = _Fetched(self)
        return Results.from_store(fetched, name, metric=metric, direction=direction)

    def measure(
        self, name: str, measure: str, *, metric: str | None = None, **arguments: Any
    ) -> pd.DataFrame:
        """Return the table of one measure of a study, measured by the service.

        A refused measure has the reason in ``attrs["refused"]``.
        """
        import pandas as pd

        having = [f"{argument}={value}" for argument, value in arguments.items()]
        answer = self._one(
            "GET", address(name, "measures", measure), params={"metric": metric, "with": having}
        )
        table = pd.DataFrame(answer["rows"])
        table = table.assign(
            **{column: pd.to_numeric(table[column]) for column in NUMBERS if column in table.columns}
        )
        if answer["refused"] is not None:
            table.attrs["refused"] = answer["refused"]
        return table

    def figure(
        self, name: str, figure: str, *, task: str | None = None, metric: str | None = None
    ) -> go.Figure:
        """Return a figure of a study.

        Args:
            name: Name of the study.
            figure: Name of the figure.
            task: Task of the figure; the first of the study if None.
            metric: Metric instead of the study's own.
        """
        import plotly.io

        text = self._ask(
            "GET", address(name, "figures", figure), params={"task": task, "metric": metric}
        ).text
        return plotly.io.from_json(text)

    def verdict(self, name: str, *, metric: str | None = None) -> dict[str, Any]:
        """Return what a reader should know first: variant and setting to use, how careful to be, how sure.

        Args:
            name: Name of the study.
            metric: Metric instead of the study's own.
        """
        return self._one("GET", address(name, "verdict"), params={"metric": metric})

    def report(self, name: str, path: str | pathlib.Path) -> pathlib.Path:
        """Write the report of a study.

        Args:
            name: Name of the study.
            path: File of the report; a name that ends with ``.md`` gets Markdown, any other the page.
        """
        file = pathlib.Path(path)
        content = self._ask(
            "GET", address(name, "report"), params={"format": "md" if file.suffix == ".md" else "html"}
        ).content
        try:
            file.write_bytes(content)
        except OSError as error:
            raise InputError(f"cannot write the report to {str(path)!r}: {error}") from None
        return file

    def variants(self) -> list[dict[str, Any]]:
        """Return the named variants that the service knows."""
        return self._list("/variants")

    def spaces(self, *variants: str) -> list[dict[str, Any]]:
        """Return the default search spaces of variants, of all when none is named."""
        return self._list("/spaces", params={"variant": variants})

    def tasks(self) -> list[dict[str, Any]]:
        """Return the tasks that the service knows."""
        return self._list("/tasks")

    def presets(self) -> list[dict[str, Any]]:
        """Return the studies that come with the package, with their specifications."""
        return self._list("/presets")


@dataclass(frozen=True)
class _Fetched:
    """A store as far as results are read from it, over the network.

    Its epochs come as one file, which is fetched once.
    """

    client: Client
    _epochs: dict[str, pd.DataFrame] = field(default_factory=dict)

    def study(self, name: str) -> str:
        details = self.client.study(name)
        if details["stored"] is None:
            raise InputError(f"study {name!r} is {details['state']}; it has no results yet")
        return json.dumps(details["stored"])

    def trials(self, name: str) -> pd.DataFrame:
        table = self._table(name, "trials")
        return table.assign(configuration=[json.loads(text) for text in table["configuration"]])

    def epochs(self, name: str) -> pd.DataFrame:
        if name not in self._epochs:
            self._epochs[name] = self._table(name, "epochs")
        return self._epochs[name]

    def last_epochs(self, name: str) -> pd.DataFrame:
        by_trial = self.epochs(name).groupby("key", sort=False)
        return by_trial.tail(1).assign(seconds=by_trial["seconds"].sum().to_numpy()).reset_index(drop=True)

    def runs(self, name: str) -> list[dict[str, Any]]:
        records: list[dict[str, Any]] = self.client.study(name)["runs"]
        return records

    def _table(self, name: str, table: str) -> pd.DataFrame:
        import io

        import pandas as pd

        return pd.read_parquet(io.BytesIO(self.client._ask("GET", address(name, "tables", table)).content))


def _events(lines: Iterator[str]) -> Iterator[tuple[str, str, str]]:
    """Server-sent events as kind, id and data.

    Source: WHATWG HTML, section 9.2.6.
    """
    fields: dict[str, str] = {}
    for line in lines:
        if not line and "data" in fields:
            yield fields.get("event", "message"), fields.get("id", ""), fields["data"]
            fields = {}
        name, _, value = line.partition(":")
        if name in ("event", "id", "data"):
            fields[name] = value.removeprefix(" ")


def _noted(name: str, trial: str | None) -> str:
    """Return the path of the annotation of a study or a trial."""
    return address(name, "annotation") if trial is None else address(name, "trials", trial, "annotation")
