"""Pages of the site that are no file of ``docs/``: README, CONTRIBUTING, CHANGELOG, and each source file that
a page links to.

In the repository a page links to source files by relative path (``../sensitivity/measures``). The site has a
page for each of them, so the same link works in both. A link that leads nowhere stays as written, and the
strict build fails on it.
"""

from __future__ import annotations

import pathlib
import posixpath
import re
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = pathlib.Path(__file__).parents[2]
ROOT_PAGES = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
LINK = re.compile(r"(\]\()([^)\s:#]+)(#[^)\s]*)?(\))")
LANGUAGES = {
    ".py": "python",
    ".css": "css",
    ".js": "javascript",
    ".html": "html",
    ".yml": "yaml",
    ".toml": "toml",
}
HIDDEN = "---\nsearch:\n  exclude: true\n---\n\n"  # a search finds the documentation, not the code


def on_files(files: Files, *, config: Any) -> Files:
    """Add the pages at the root of the repository, and one page for each source file or folder that a page
    links to."""
    for name, uri in ROOT_PAGES.items():
        files.append(File.generated(config, uri, content=(ROOT / name).read_text(encoding="utf-8")))
    pages = [file for file in files.documentation_pages() if not file.src_uri.startswith("source/")]
    waiting = {
        target for file in pages for target in _sources(file.content_string, _repository_path(file.src_uri))
    }
    added: set[str] = set()
    while waiting - added:
        path = min(waiting - added)
        added.add(path)
        text = _source_page(ROOT / path)
        files.append(File.generated(config, _uri(path), content=text))
        waiting |= set(_sources(text, path + "/" if (ROOT / path).is_dir() else path))
    return files


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Files) -> str:
    """Return the page with each link to a file of the repository as a link to that file's page."""
    uri = page.file.src_uri
    if uri.startswith("source/") and not (ROOT / _source_path(uri)).is_dir():
        return markdown
    path = _source_path(uri) + "/" if uri.startswith("source/") else _repository_path(uri)

    def link(match: re.Match[str]) -> str:
        target = _target(match[2], path)
        if target is None:
            return match[0]
        relative = posixpath.relpath(_uri(target), posixpath.dirname(uri) or ".")
        return f"{match[1]}{relative}{match[3] or ''}{match[4]}"

    return LINK.sub(link, markdown)


def _repository_path(uri: str) -> str:
    """The path in the repository of a page of the site."""
    return next((name for name, root_uri in ROOT_PAGES.items() if root_uri == uri), f"docs/{uri}")


def _source_path(uri: str) -> str:
    """The path in the repository of the file or folder that a page under ``source/`` shows."""
    return uri.removeprefix("source/").removesuffix(".md")


def _uri(path: str) -> str:
    """The address in the site of a file or folder of the repository."""
    if path in ROOT_PAGES:
        return ROOT_PAGES[path]
    return path.removeprefix("docs/") if path.startswith("docs/") else f"source/{path}.md"


def _target(link: str, page: str) -> str | None:
    """The path in the repository that a link of a page leads to, or None where there is no such file."""
    path = posixpath.normpath(posixpath.join(posixpath.dirname(page), link))
    return path if not path.startswith("..") and (ROOT / path).exists() else None


def _sources(text: str, page: str) -> list[str]:
    """The paths of the files and folders outside ``docs/`` that a text links to."""
    targets = [_target(match[2], page) for match in LINK.finditer(text)]
    return [
        path
        for path in targets
        if path is not None and path not in ROOT_PAGES and not path.startswith("docs/")
    ]


def _source_page(path: pathlib.Path) -> str:
    """A source file as one block of code; a folder as a list of its files."""
    title = f"{HIDDEN}# {path.relative_to(ROOT).as_posix()}\n\n"
    if path.is_dir():
        names = sorted(file.name for file in path.glob("*.py") if file.name != "__init__.py")
        return title + "\n".join(f"- [{name}]({name})" for name in names) + "\n"
    fence = "`" * 8
    return f"{title}{fence}{LANGUAGES.get(path.suffix, 'text')}\n{path.read_text(encoding='utf-8')}{fence}\n"
