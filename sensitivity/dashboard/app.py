"""The application of the dashboard: its callbacks, by event.

The other modules of this package make the answers.
"""

from __future__ import annotations

import functools
import pathlib
from typing import Any

from dash import ALL, MATCH, ClientsideFunction, Dash, Input, Output, State, ctx, no_update
from flask import Response, abort, request

from sensitivity.dashboard import brushing, drawing, measure_page, pages, parts, shell, trials_page
from sensitivity.dashboard.controls import changed, ends, in_words
from sensitivity.figures.style import THEMES, template
from sensitivity.readers.cache import Pending
from sensitivity.readers.source import Source
from sensitivity.readers.view import View
from trainables.names import InputError

DOWNLOADS = ("trials", "epochs")
CALLBACKS = "/_dash-update-component"
"""Path to which the pages of the dashboard send what has changed."""


def dashboard(source: Source, account: str | None = None) -> Dash:
    """Return the Dash application over a store; ``.server`` is its WSGI application.

    It loads nothing from other servers.

    Args:
        source: The store.
        account: Address of the page on which a reader logs in and out; None without one.
    """
    app = Dash(
        __name__,
        title="sensitivity",
        update_title="",
        index_string=shell.INDEX,
        assets_folder=str(pathlib.Path(__file__).parent / "assets"),
        serve_locally=True,
        suppress_callback_exceptions=True,  # most ids are made by the pages
        enable_mcp=False,
        add_log_handler=False,
    )
    app.layout = functools.partial(shell.layout, account)
    _navigation(app, source)
    _parts(app, source)
    _figures(app, source)
    _downloads(app, source)
    _refusals(app)
    return app


def _navigation(app: Dash, source: Source) -> None:
    @app.callback(
        Output("main", "children"),
        Output("view", "data"),
        Input("where", "pathname"),
        Input("where", "search"),
        State("view", "data"),
    )
    def go(path: str, query: str, shown: list[str] | None) -> Any:
        """Show the page of an address: a link, the back button, a new browser.

        Not after a control, which wrote the address itself.
        """
        view = View.read(path, query)
        if shown and View.read(*shown) == view:
            return no_update, no_update
        return pages.page(source, view), [view.path, view.query]

    @app.callback(
        Output("where", "search"),
        Output("view", "data", allow_duplicate=True),
        Input({"type": "control", "name": ALL}, "value"),
        Input({"type": "range", "name": ALL}, "value"),
        State("view", "data"),
        prevent_initial_call=True,
    )
    def choose(values: Any, ends: Any, shown: list[str]) -> Any:
        """Follow a control that was changed: the view changes, and with it the address."""
        if not ctx.triggered_id:
            return no_update, no_update
        view = View.read(*shown)
        name = ctx.triggered_id["name"]
        try:
            results = source.results(
                view if view.page != "compare" else View(name=source.studies()[0]["name"])
            )
            return _moved(
                view, changed(view, ctx.triggered_id["type"], name, ctx.triggered[0]["value"], results)
            )
        except InputError:  # the part that shows the study says so
            return no_update, no_update

    @app.callback(
        Output("where", "search", allow_duplicate=True),
        Output("view", "data", allow_duplicate=True),
        Output({"type": "range", "name": ALL}, "value"),
        Input({"type": "graph", "name": ALL}, "clickData"),
        Input({"type": "graph", "name": ALL}, "selectedData"),
        Input({"type": "graph", "name": ALL}, "restyleData"),
        State({"type": "held", "name": ALL}, "data"),
        State({"type": "held", "name": ALL}, "id"),
        State({"type": "range", "name": ALL}, "id"),
        State("view", "data"),
        prevent_initial_call=True,
    )
    def point(
        clicks: Any, boxes: Any, stretches: Any, stored: Any, ids: Any, sliders: Any, shown: list[str]
    ) -> Any:
        """Follow a clicked point, a box or a stretch: the view changes, and the sliders with it."""
        still = [no_update] * len(sliders)
        if not ctx.triggered_id or ctx.triggered[0]["value"] is None:
            return no_update, no_update, still
        view, event, name = View.read(*shown), ctx.triggered[0], ctx.triggered_id["name"]
        figures = zip(stored, ids, strict=True)
        found = (figure for figure, its_id in figures if figure and its_id["name"] == name)
        figure: dict[str, Any] = next(found, {})
        columns: dict[str, str] = figure.get("axes", {})
        kind, results = event["prop_id"].rpartition(".")[2], source.results(view)
        if kind == "clickData":
            return *_moved(
                view,
                view.but(
                    trial=brushing.pointed(event["value"], set(results.all_trials["key"])) or view.trial
                ),
            ), still
        if kind == "selectedData":
            to = brushing.boxed(view, results, event["value"], columns, figure.get("panels", {}))
        else:
            to = brushing.stretched(view, results, event["value"], columns)
        return *_moved(view, to), still if to == view else [
            ends(results, to, slider["name"]) for slider in sliders
        ]

    @app.callback(
        Output({"type": "bounds", "name": ALL}, "children"),
        Input("view", "data"),
        State({"type": "bounds", "name": ALL}, "id"),
    )
    def bounds(shown: list[str] | None, ids: Any) -> Any:
        """Return the bounds beside each slider, in words."""
        return [in_words(View.read(*shown), bounds_id["name"]) if shown else no_update for bounds_id in ids]

    @app.callback(
        Output({"type": "section", "name": ALL}, "href"),
        Input("view", "data"),
        State({"type": "section", "name": ALL}, "id"),
    )
    def sections(shown: list[str] | None, ids: Any) -> Any:
        """Return the addresses of the other pages of the study, with what was chosen since the page came."""
        view = View.read(*shown) if shown else None
        return [view.on(section["name"]).href if view else no_update for section in ids]

    @app.callback(
        Output("revision", "data"),
        Output("live", "children"),
        Input("pulse", "n_intervals"),
        State("revision", "data"),
        State("where", "pathname"),
        State("where", "search"),
    )
    def pulse(beats: int, known: str | None, path: str, query: str) -> Any:
        """Tell the page if what it shows has changed since the last pulse."""
        try:
            token = source.page_token(View.read(path, query))
            running = any(row["running"] or row["pending"] for row in source.studies()) or any(
                study.state in ("queued", "running") for study in source.submitted().values()
            )
            words = "live" if running else "up to date"
        except InputError as error:
            token, words = f"gone: {error}", "the store cannot be read"
        return no_update if token == known else token, words

    app.clientside_callback(
        ClientsideFunction("dashboard", "arrive"), Output("main", "tabIndex"), Input("main", "children")
    )
    app.clientside_callback(
        ClientsideFunction("dashboard", "theme"),
        Output("theme", "data"),
        Output("toggle", "children"),
        Input("toggle", "n_clicks"),
    )

    @app.callback(Output("templates", "data"), Input("toggle", "id"))
    def templates(_: str) -> Any:
        """Return the look of figures in each theme."""
        return {name: template(name).to_plotly_json() for name in THEMES}


def _moved(view: View, to: View) -> Any:
    return (no_update, no_update) if to == view else (to.query, [to.path, to.query])


def _parts(app: Dash, source: Source) -> None:
    @app.callback(
        Output({"type": "part", "name": MATCH}, "children"),
        Output({"type": "part tick", "name": MATCH}, "disabled"),
        Input("view", "data"),
        Input("revision", "data"),
        Input({"type": "part tick", "name": MATCH}, "n_intervals"),
        State({"type": "part", "name": MATCH}, "id"),
    )
    def show(shown: list[str] | None, revision: str | None, ticks: int, part: dict[str, str]) -> Any:
        """Return a part of the page; the previous content stays while the part is being measured."""
        if not shown:
            return no_update, no_update
        again = any("part tick" in trigger for trigger in ctx.triggered_prop_ids)
        children, pending = parts.render(source, View.read(*shown), part["name"], again=again)
        return no_update if pending else children, not pending


def _figures(app: Dash, source: Source) -> None:
    @app.callback(
        Output({"type": "drawn", "name": MATCH}, "data"),
        Output({"type": "held", "name": MATCH}, "data"),
        Output({"type": "title", "name": MATCH}, "children"),
        Output({"type": "note", "name": MATCH}, "children"),
        Output({"type": "card", "name": MATCH}, "className"),
        Output({"type": "figure tick", "name": MATCH}, "disabled"),
        Input("view", "data"),
        Input("revision", "data"),
        Input({"type": "figure tick", "name": MATCH}, "n_intervals"),
        State({"type": "held", "name": MATCH}, "data"),
        State({"type": "held", "name": MATCH}, "id"),
    )
    def draw(
        shown: list[str] | None,
        revision: str | None,
        ticks: int,
        stored: dict[str, Any] | None,
        figure_id: dict[str, str],
    ) -> Any:
        """Return a figure, unless the page has it already."""
        if not shown:
            return (no_update,) * 6
        view = View.read(*shown)
        try:
            key, figure = drawing.drawn(source, view, figure_id["name"])
        except Pending:
            look = "card stale" if stored and stored["key"] else "card waiting"
            return no_update, no_update, no_update, shell.MEASURING, look, False
        except InputError as error:
            return None, {"key": ""}, None, pages.failed(error), "card waiting", True
        look = "card" if figure.text else "card none"
        if stored and stored["key"] == key:
            return no_update, no_update, no_update, None, look, True
        held = {"key": key, "axes": figure.axes, "panels": figure.panels}
        return figure.text, held, drawing.heading(figure, figure_id["name"]), None, look, True

    for text, graph in (("drawn", "graph"), ("static", "static graph")):
        app.clientside_callback(
            ClientsideFunction("dashboard", "paint"),
            Output({"type": graph, "name": MATCH}, "figure"),
            Output({"type": graph, "name": MATCH}, "style"),
            Input({"type": text, "name": MATCH}, "data"),
            Input("theme", "data"),
            Input("templates", "data"),
            State({"type": graph, "name": MATCH}, "figure"),
        )


def _downloads(app: Dash, source: Source) -> None:
    @app.server.route("/download/<what>.csv")
    def download(what: str) -> Response:
        """Return a table of a view as CSV."""
        view = View.read("/study/x", request.query_string.decode()).but(name=request.args.get("of", ""))
        try:
            if what in DOWNLOADS:
                text = trials_page.csv(source, view, what)
            elif what in measure_page.TABLES:
                text = measure_page.csv(source, view, what)
            else:
                abort(404)
        except InputError as error:
            return Response(f"{error}\n", status=404, mimetype="text/plain")
        return Response(
            text, mimetype="text/csv", headers={"Content-Disposition": f"attachment; filename={what}.csv"}
        )


def _refusals(app: Dash) -> None:
    @app.server.before_request
    def refuse() -> None:
        """Refuse with 400 what no page of this dashboard sends; Dash would answer 500."""
        if (
            request.path == CALLBACKS
            and request.method == "POST"
            and not _is_callback(app, request.get_json())
        ):
            abort(400)


def _is_callback(app: Dash, body: Any) -> bool:
    """Return whether a body names a callback, and has its inputs and states."""
    if not isinstance(body, dict) or not isinstance(body.get("output"), str):
        return False
    callback = app.callback_map.get(body["output"])
    return callback is not None and all(
        isinstance(values := body.get(name, []), list)
        and len(values) == len(callback[name])
        and all(isinstance(value, (dict, list)) for value in values)
        for name in ("inputs", "state")
    )
