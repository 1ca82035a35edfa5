"""Notes, tags and stars that readers give to studies and trials."""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sql

from sensitivity.store.tables import ANNOTATIONS, STUDIES
from trainables.names import InputError, unknown

if TYPE_CHECKING:
    from sensitivity.store.store import Store

LONGEST_NOTE, LONGEST_TAG = 10_000, 50
"""Characters of a note and of a tag."""
MOST_TAGS = 20
OF_STUDY = ""
"""Key of the annotation of the study itself."""


@dataclass(frozen=True)
class Annotation:
    """The words of readers about a study or a trial.

    Args:
        note: free text, of several lines if wanted.
        tags: short names, by which studies are found again.
        star: True for what is worth another look.
    """

    note: str = ""
    tags: tuple[str, ...] = ()
    star: bool = False


NOTHING = Annotation()


def read_annotations(store: Store, study: str | None = None) -> dict[tuple[str, str], Annotation]:
    """Return the annotations of a study and its trials (of every study, if None), by study and key."""
    chosen = sql.select(ANNOTATIONS).order_by(ANNOTATIONS.c.study, ANNOTATIONS.c.key)
    if study is not None:
        chosen = chosen.where(ANNOTATIONS.c.study == study)
    with store.database.transaction() as connection:
        return {
            (row.study, row.key): Annotation(row.note, tuple(json.loads(row.tags)), row.star)
            for row in connection.execute(chosen)
        }


def annotate(
    store: Store,
    study: str,
    key: str = OF_STUDY,
    *,
    note: str | None = None,
    tags: Sequence[str] | None = None,
    star: bool | None = None,
) -> Annotation:
    """Change the annotation of a study or of one of its trials, and return it; None leaves a part as it is.

    Args:
        store: has the study.
        study: the name of the study.
        key: the key of a trial of the study; empty for the study itself.
        note: at most 10,000 characters.
        tags: at most 20 of at most 50 characters, without commas and line breaks.
        star: True or False.

    Raises: InputError for an unknown study, and for a note or tags beyond these limits.
    """
    changes: dict[str, Any] = {"changed": moment()}
    if note is not None:
        changes["note"] = checked_note(note)
    if tags is not None:
        changes["tags"] = json.dumps(checked_tags(tags))
    if star is not None:
        changes["star"] = star
    same = (ANNOTATIONS.c.study == study, ANNOTATIONS.c.key == key)
    blank = {"study": study, "key": key, "note": "", "tags": "[]", "star": False, "changed": ""}
    with store.database.transaction(writing=True) as connection:
        names = list(connection.execute(sql.select(STUDIES.c.name)).scalars())
        if study not in names:
            raise unknown("study", study, names)
        store.database.insert(connection, ANNOTATIONS, [blank])
        connection.execute(ANNOTATIONS.update().where(*same).values(changes))
        row = connection.execute(sql.select(ANNOTATIONS).where(*same)).one()
    return Annotation(row.note, tuple(json.loads(row.tags)), row.star)


def annotations_revision(store: Store) -> str:
    """Return a token that changes with every change of an annotation."""
    counted = sql.select(sql.func.count(), sql.func.max(ANNOTATIONS.c.changed))
    with store.database.transaction() as connection:
        number, latest = connection.execute(counted).one()
    return f"{number} {latest}"


def checked_note(note: str) -> str:
    """Return a note without space at its end.

    Raises: InputError for a note that is too long or has control characters.
    """
    if len(note) > LONGEST_NOTE:
        raise InputError(f"note must have at most {LONGEST_NOTE:,} characters, got {len(note):,}")
    text = note.replace("\r\n", "\n").rstrip()
    for character in text:
        if character not in "\n\t" and (ord(character) < 32 or "\ud800" <= character <= "\udfff"):
            raise InputError(f"note must have no control characters, got {character!r}")
    return text


def checked_tags(tags: Sequence[str]) -> list[str]:
    """Return tags without space around them, each once, in their order.

    Raises: InputError for a tag that cannot be one, and for too many tags.

    >>> checked_tags([" paper ", "adam", "paper"])
    ['paper', 'adam']
    """
    stripped = [tag.strip() for tag in tags]
    for tag in stripped:
        if not 1 <= len(tag) <= LONGEST_TAG or "," in tag or not tag.isprintable():
            raise InputError(
                f"a tag must have 1 to {LONGEST_TAG} printed characters and no comma, got {tag[:80]!r}"
            )
    distinct = list(dict.fromkeys(stripped))
    if len(distinct) > MOST_TAGS:
        raise InputError(f"tags must be at most {MOST_TAGS}, got {len(distinct)}")
    return distinct


def moment() -> str:
    """Return the current time as annotations have it, to the microsecond, so that each change has its own."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds")
