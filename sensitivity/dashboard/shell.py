"""The frame of every page: head, navigation, and the parts of a page that update themselves."""

from __future__ import annotations

from typing import Any

from dash import dcc, html

from sensitivity.readers.view import View

INDEX = """<!doctype html>
<html lang="en">
<head>
{%metas%}
<title>{%title%}</title>
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<script>
try { const theme = localStorage.getItem("theme");
if (theme) document.documentElement.dataset.theme = theme; } catch (error) {}
</script>
{%css%}
</head>
<body>
{%app_entry%}
<footer>{%config%}{%scripts%}{%renderer%}</footer>
</body>
</html>"""
POLL = 700
"""Milliseconds after which a part that is being measured asks again."""
PULSE = 2000
"""Milliseconds after which a page asks whether the store has changed."""
MEASURING = html.P("measuring …", className="measuring")


def layout(account: str | None = None) -> html.Div:
    """Return the frame of every page.

    Args:
        account: Address of the page on which a reader logs in and out; None without one.
    """
    return html.Div(
        [
            html.A("Skip to the content", href="#main", className="skip"),
            dcc.Location(id="where", refresh="callback-nav"),
            dcc.Store(id="view"),
            dcc.Store(id="revision"),
            dcc.Store(id="theme"),
            dcc.Store(id="templates"),
            dcc.Interval(id="pulse", interval=PULSE),
            html.Header(
                [
                    dcc.Link("sensitivity", href="/", className="brand"),
                    html.Nav(
                        [dcc.Link("Studies", href="/"), dcc.Link("Compare", href="/compare")],
                        **{"aria-label": "dashboard"},
                    ),
                    html.Span(id="live", className="live", role="status"),
                    html.A("Account", href=account, className="account") if account else None,
                    html.Button(
                        "Dark", id="toggle", type="button", className="toggle", title="Light or dark"
                    ),
                ],
                className="top",
            ),
            html.Main(id="main", tabIndex="-1"),
        ],
        className="frame",
    )


def part(name: str, **more: Any) -> html.Div:
    """Return a part of a page that follows the view and the store.

    :func:`sensitivity.dashboard.parts.render` makes its content.
    """
    return html.Div(
        [
            html.Div(id={"type": "part", "name": name}, children=MEASURING, **more),
            dcc.Interval(id={"type": "part tick", "name": name}, interval=POLL, disabled=True),
        ]
    )


def heading(view: View, title: str, what: str = "") -> list[Any]:
    """Return the heading of a page about a study, and the way to its other pages."""
    pages = (("study", "Answers"), ("trials", "Trials"), ("explore", "Explore"), ("space", "Search space"))
    links = [
        html.Li(
            html.Span(
                dcc.Link(words, href=view.on(page).href, id={"type": "section", "name": page}),
                className="current" if view.page == page else "",
            )
        )
        for page, words in pages
    ]
    compare = View(page="compare", study=(view.name,))
    links.append(html.Li(link("Compare", compare)))
    return [
        html.Div([html.H1(title), html.P(what, className="what") if what else None], className="title"),
        html.Nav(html.Ul(links), className="sections", **{"aria-label": "pages of the study"}),
    ]


def link(words: Any, view: View, *, current: bool = False) -> Any:
    """Return a link to a view.

    Args:
        words: Text of the link.
        view: The view.
        current: True if the reader is on that view.
    """
    linked = dcc.Link(words, href=view.href)
    return html.Span(linked, className="current") if current else linked


def notice(title: str, words: Any, *, kind: str = "empty", action: Any = None) -> html.Div:
    """Return a notice, which a page or a part shows instead of its content.

    Args:
        title: Title of the notice.
        words: Text of the notice.
        kind: ``empty``, ``refused`` or ``error``.
        action: Element below the text, such as a link.
    """
    return html.Div(
        [html.P(title, className="notice-title"), html.P(words), action],
        className=f"notice {kind}",
        role="alert" if kind == "error" else "note",
    )
