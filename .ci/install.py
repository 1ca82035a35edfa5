"""Install packages with pip, and say at which package it is: ``.ci/install.py TITLE [PIP_OPTION ...]``.

A terminal shows one line that changes, a log a line for each package. Everything after the title goes to
``pip install`` of the Python that runs this file; what pip writes is shown only if it fails.
"""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import sys
import sysconfig
import threading
import time

ESCAPE = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
COLLECTING = re.compile(r"Collecting ([\w.-]+)(?:\[[^]]*])?(?:==([\w.+!-]+))?")
WHEEL = r"(?:\S*/)?([\w.]+)-([\w.+!]+)-\S+?\.whl"
FETCHING = re.compile(rf"(?:Downloading|Using cached) {WHEEL} \((.+)\)")
PROCESSING = re.compile(rf"Processing {WHEEL}$")
"""Of a folder of wheels that pip is told to look into."""
INSTALLING = re.compile(r"Installing collected packages: (.+)")
EVERY = 0.2
"""Seconds between two looks at what is installed."""
MOST_LINES = 40
"""Last lines of pip's output that are shown if it fails."""


class Progress:
    """The phase of an installation, and the package that it is at.

    Args:
        folder: where pip installs packages.
    """

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.found = self.fetched = 0
        self.to_install: list[str] = []
        self.began = time.time()
        self._shown = ""

    def read(self, line: str) -> None:
        """Take a line of pip's output."""
        text = ESCAPE.sub("", line).strip()
        if match := COLLECTING.match(text) or PROCESSING.match(text):
            self.found += 1
            self.show(f"find {self.found}: {match[1].replace('_', '-')} {match[2] or ''}".rstrip())
        elif match := FETCHING.match(text):
            self.fetched += 1
            name = match[1].replace("_", "-")
            self.show(f"fetch {self.fetched}: {name} {match[2]} ({match[3]})")
        elif match := INSTALLING.match(text):
            self.to_install = [normal(name) for name in match[1].split(", ")]

    def look(self) -> None:
        """Show the first package that pip has yet to install; pip says nothing between two of them."""
        there = {
            normal(record.parent.name.partition("-")[0])
            for record in self.folder.glob("*.dist-info/RECORD")
            if record.stat().st_mtime >= self.began - 1
        }
        missing = [name for name in self.to_install if name not in there]
        if missing:
            number = len(self.to_install) - len(missing) + 1
            self.show(f"install {number} of {len(self.to_install)}: {missing[0]}")

    def show(self, text: str) -> None:
        """Write a line, or replace the line of a terminal."""
        if text == self._shown:
            return
        self._shown = text
        if sys.stdout.isatty():
            width = shutil.get_terminal_size().columns - 1
            sys.stdout.write(f"\r\x1b[K{f'  {text}'[:width]}")
        else:
            sys.stdout.write(f"  {text}\n")
        sys.stdout.flush()

    def end(self) -> None:
        """Write the number of packages, and the seconds that they took."""
        count = len(self.to_install)
        packages = f"{count} package{'' if count == 1 else 's'} installed" if count else "nothing to install"
        self.show(f"{packages}, {time.time() - self.began:.0f} s")
        if sys.stdout.isatty():
            sys.stdout.write("\n")


def normal(name: str) -> str:
    """Return a package's name as all of its spellings have it.

    >>> normal("Scikit_Learn")
    'scikit-learn'
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def install(title: str, options: list[str]) -> int:
    """Run pip, and return its exit code.

    Args:
        title: names the packages, in the first line.
        options: of ``pip install``.
    """
    progress = Progress(pathlib.Path(sysconfig.get_path("purelib")))
    sys.stdout.write(f"{title}\n")
    sys.stdout.flush()
    command = [sys.executable, "-m", "pip", "install", "--progress-bar", "off", *options]
    lines: list[str] = []
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(EVERY):
            progress.look()

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    with subprocess.Popen(
        command,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as pip:
        assert pip.stdout is not None
        for line in pip.stdout:
            lines.append(line)
            progress.read(line)
    ended.set()
    watching.join()
    if pip.returncode:
        sys.stdout.write(f"\n{''.join(lines[-MOST_LINES:])}")
    else:
        progress.end()
    return pip.returncode


if __name__ == "__main__":
    raise SystemExit(install(sys.argv[1], sys.argv[2:]))
