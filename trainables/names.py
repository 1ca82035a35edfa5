"""The one home of "unknown ...; did you mean ...?"."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Bad input that its author can mend: the message names the argument, its value and what is allowed."""


MOST_LISTED = 40
"""Names that an error lists; of more it shows the nearest."""


def unknown(kind: str, name: object, known: Iterable[object]) -> InputError:
    """The error for a name that is not known, with the nearest known name.

    Args: kind: what the name should have named. name: what was given. known: every allowed name, in reading order.

    >>> print(unknown("variant", "adm", ["adam", "sgd"]))
    unknown variant 'adm'; did you mean 'adam'? (known: adam, sgd)
    """
    names = [str(each) for each in known]
    folded = {each.casefold(): each for each in names}
    near = difflib.get_close_matches(str(name).casefold(), folded, n=1)
    hint = f"; did you mean {folded[near[0]]!r}?" if near else ""
    listed = (
        names
        if len(names) <= MOST_LISTED
        else [folded[each] for each in difflib.get_close_matches(str(name).casefold(), folded, 5, 0)]
    )
    more = f" and {len(names) - len(listed)} more" if len(names) > len(listed) else ""
    return InputError(
        f"unknown {kind} {name!r}{hint} (known: {', '.join(listed) + more if names else 'none'})"
    )
