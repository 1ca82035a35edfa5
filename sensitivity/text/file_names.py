"""Folder names for names of studies."""

from __future__ import annotations

import hashlib
import re

HASHED = re.compile(r"-(?:[0-9a-f]{6}|[0-9a-f]{16})$", re.IGNORECASE)
"""A hash at the end of a folder name: 64 bits, or 24 bits in earlier releases."""


def folder_name(study: str) -> str:
    """Return a folder name for a study: the study's name if it is plain, else a plain form with a hash.

    The hash has 64 bits. A name that looks hashed gets a hash too, so two studies never share a folder.

    >>> folder_name("quickstart"), folder_name("a/b"), folder_name("a b")
    ('quickstart', 'a_b-c14cddc033f64b9d', 'a_b-c8687a08aa5d6ed2')
    >>> folder_name("a_b-c8687a")
    'a_b-c8687a-050926fcb9837019'
    """
    name = "".join(
        letter if letter.isascii() and (letter.isalnum() or letter in "-_.") else "_" for letter in study
    )
    if name == study and len(name) <= 100 and name.strip(".") and not HASHED.search(name):
        return name
    return f"{name[:60].strip('.')}-{hashlib.sha256(study.encode(errors='surrogatepass')).hexdigest()[:16]}"
