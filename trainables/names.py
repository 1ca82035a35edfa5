"""Errors for bad input, with the nearest valid name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Bad input that a user can correct: the message names the argument, its value and the allowed values."""


def meant(name: str, known: Iterable[str]) -> str:
    """Return the known name that a name means: itself, or the only one with it after a dot or colon.

    Upper and lower case count as equal where only one name is left. A name that means none, or several, is
    returned unchanged.

    >>> meant("adamw", ["torch.optim.AdamW", "sgd"]), meant("SGD", ["torch.optim.SGD", "sgd"])
    ('torch.optim.AdamW', 'torch.optim.SGD')
    """
    names = list(known)
    if name in names:
        return name
    last = {option: option.replace(":", ".").rpartition(".")[2] for option in names}
    for form in (str, str.casefold):
        found = [option for option in names if form(last[option]) == form(name)]
        if len(found) == 1:
            return found[0]
    return name


MOST_LISTED = 40
"""Most names that an error lists; of more names it shows the nearest five."""


def unknown(kind: str, name: object, known: Iterable[object]) -> InputError:
    """Return the error for an unknown name, with the nearest known name.

    Args:
        kind: kind of thing that is named, such as ``variant``.
        name: the unknown name.
        known: every allowed name, in reading order.

    >>> print(unknown("variant", "adm", ["adam", "sgd"]))
    unknown variant 'adm'; did you mean 'adam'? (known: adam, sgd)
    """
    names = [str(option) for option in known]
    folded = {option.casefold(): option for option in names}
    near = difflib.get_close_matches(str(name).casefold(), folded, n=1)
    hint = f"; did you mean {folded[near[0]]!r}?" if near else ""
    listed = (
        names
        if len(names) <= MOST_LISTED
        else [folded[option] for option in difflib.get_close_matches(str(name).casefold(), folded, 5, 0)]
    )
    more = f" and {len(names) - len(listed)} more" if len(names) > len(listed) else ""
    return InputError(
        f"unknown {kind} {name!r}{hint} (known: {', '.join(listed) + more if names else 'none'})"
    )
