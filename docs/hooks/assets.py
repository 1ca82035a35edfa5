"""The check that a page of the site loads nothing from another host: it opens without a network."""

from __future__ import annotations

import pathlib
import re
from html.parser import HTMLParser
from typing import Any

from mkdocs.exceptions import PluginError

LOADED = {
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "audio": "src",
    "link": "href",
}
NOT_LOADED = {"canonical", "prev", "next", "alternate"}  # addresses, which a browser does not fetch
CSS_URL = re.compile(r"""(?:url\(|@import)\s*["']?((?:https?:)?//[^"')\s]+)""")


class Assets(HTMLParser):
    """The addresses outside the site that a page loads: ``external``."""

    def __init__(self) -> None:
        super().__init__()
        self.external: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Add the address that a tag loads, if it is on another host."""
        values = dict(attrs)
        address = values.get(LOADED.get(tag, "")) or ""
        if address.startswith(("http:", "https:", "//")) and values.get("rel") not in NOT_LOADED:
            self.external.append(address)


def on_post_build(*, config: Any) -> None:
    """Check every page and style sheet of the site. Raises: PluginError that lists what is loaded from
    elsewhere."""
    site = pathlib.Path(config.site_dir)
    offenders = []
    for path in sorted(site.rglob("*.html")):
        assets = Assets()
        assets.feed(path.read_text(encoding="utf-8"))
        offenders += [f"{path.relative_to(site)}: {address}" for address in assets.external]
    for path in sorted(site.rglob("*.css")):
        offenders += [
            f"{path.relative_to(site)}: {address}"
            for address in CSS_URL.findall(path.read_text(encoding="utf-8"))
        ]
    if offenders:
        raise PluginError("the site loads from other hosts:\n" + "\n".join(offenders))
