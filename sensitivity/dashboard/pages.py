"""The pages by their addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dash import html

from sensitivity.dashboard import (
    actions,
    compare_page,
    explore_page,
    new_page,
    shell,
    space_page,
    studies_page,
    study_page,
    trial_page,
    trials_page,
)
from sensitivity.readers.view import View
from trainables.names import InputError

if TYPE_CHECKING:
    from sensitivity.readers.source import Source

PAGES = {
    "studies": studies_page.page,
    "study": study_page.page,
    "trials": trials_page.page,
    "explore": explore_page.page,
    "trial": trial_page.page,
    "space": space_page.page,
    "compare": compare_page.page,
    "new": new_page.page,
}


def page(source: Source, view: View) -> list[Any]:
    """Return the page of a view; a page that says what is wrong if there is none."""
    if view.page not in PAGES:
        return missing("There is no such page", f"Nothing has the address /{view.name}.")
    try:
        if view.name in source.submitted() and all(row["name"] != view.name for row in source.studies()):
            return actions.waiting_page(view, shell.heading(view, view.name))
        return PAGES[view.page](source, view)
    except InputError as error:
        return missing("This cannot be shown", str(error))


def missing(title: str, words: str) -> list[Any]:
    """Return a page that says what is wrong and where to go on."""
    back = shell.link("All studies", View())
    return [
        html.H1(title),
        shell.notice("What happened", f"{words[0].upper()}{words[1:]}", kind="error", action=back),
    ]


def failed(error: InputError) -> Any:
    """Return a part that says what is wrong."""
    return shell.notice("This cannot be shown", str(error), kind="error")
