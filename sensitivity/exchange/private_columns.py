"""Columns that hold a secret, or say whose machine a run was on: no import keeps their values."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

import pandas as pd

from sensitivity.exchange.column_names import leaf_of
from sensitivity.exchange.columns import Column
from sensitivity.study.metric_names import tokens_of

SECRETS = frozenset(
    {
        "password", "passwd", "pwd", "passphrase", "secret", "secrets", "credential", "credentials", "apikey",
        "accesskey", "secretkey", "privatekey", "authtoken", "accesstoken", "apitoken", "bearer",
    }
)  # fmt: skip
"""Words of the names of secrets."""
SECRET_ENDS = (
    ("api", "key"),
    ("access", "key"),
    ("secret", "key"),
    ("private", "key"),
    ("ssh", "key"),
    ("token",),
)
"""Last words of the names of secrets, where the values are texts."""
PERSONS = frozenset(
    {
        "username", "login", "email", "mail", "owner", "author", "hostname", "host", "fqdn", "machine",
        "server", "ip", "ipaddress", "remote", "gitremote", "giturl", "gitrepo", "repo", "repository",
        "workdir", "cwd", "homedir", "home",
    }
)  # fmt: skip
"""Names of columns that say who ran something, and where."""
SECRET = re.compile(
    r"(sk|pk|rk)[-_][A-Za-z0-9_-]{16,}|hf_[A-Za-z0-9]{16,}|gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{16,}"
    r"|AKIA[0-9A-Z]{16}|xox[abprs]-[\w-]{8,}|AIza[\w-]{30,}|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]+|-----BEGIN .*"
    r"|[0-9a-f]{40}",
    re.DOTALL,
)
"""Texts of keys and tokens: OpenAI, Hugging Face, GitHub, AWS, Slack, Google, W&B, JSON Web Tokens, PEM."""
HOME = re.compile(r"(file://)?(/(home|Users|root)/|~[\w-]*/|[A-Za-z]:[\\/]Users[\\/])")
PERSONAL = re.compile(r"git@\S+|\w+://[^/\s@]+@\S+|\S+\.git|[\w.+-]+@([\w-]+\.)+[A-Za-z]{2,}")
"""Texts of remotes of Git, addresses with a password, and mail addresses."""
LABELS = frozenset({"task", "dataset", "variant", "optimizer", "data", "model", "env", "benchmark"})
"""Names of columns whose paths end with a label."""


def is_private(column: Column) -> bool:
    """Return True for a column that holds a secret or says whose machine a run was on.

    >>> is_private(Column("config.api_key", ["abc"])), is_private(Column("max_tokens", [512, 1024]))
    (True, False)
    >>> is_private(Column("note", ["hf_0123456789abcdefABCDEF"])), is_private(Column("lr", ["~/x", "0.1"]))
    (True, True)
    """
    tokens = tokens_of(column.leaf_name)
    if SECRETS & {*tokens, "".join(tokens)}:
        return True
    texts = {value for value in column.values if isinstance(value, str)}
    if texts and any(tuple(tokens[-len(end) :]) == end for end in SECRET_ENDS):
        return True
    if texts and column.leaf in PERSONS and column.is_text:
        return True
    return any(map(_tells, texts))


def without_homes(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Return a table in which labels that are paths below a home are their last part, and a sentence on it.

    Labels are the texts of a column such as ``dataset``, or of one with other texts, as long as their last
    parts differ like the paths.

    >>> frame = pd.DataFrame({"dataset": ["/home/ada/mnist", "/home/ada/digits/"]}, dtype=object)
    >>> without_homes(frame)[0]["dataset"].tolist()
    ['mnist', 'digits']
    """
    changed: dict[Any, list[Any]] = {}
    for name in frame.columns:
        cells = frame[name].tolist()
        texts = {cell for cell in cells if isinstance(cell, str)}
        homes = {text for text in texts if HOME.match(text)}
        if not homes or not (_is_labelled(str(name)) or homes != texts):
            continue
        short = {text: _last_part(text) if text in homes else text for text in texts}
        if len(set(short.values())) == len(texts) and all(short.values()):
            changed[name] = [short.get(cell, cell) if isinstance(cell, str) else cell for cell in cells]
    if not changed:
        return frame, []
    columns = {name: pd.Series(cells, index=frame.index, dtype=object) for name, cells in changed.items()}
    return frame.assign(**columns), [
        f"Paths are shortened to their last part: {', '.join(map(str, changed))}."
    ]


def is_private_entry(name: str, values: Collection[Any]) -> bool:
    """Return True for an entry of a config, ``outer/inner``, that is private as a column would be."""
    return is_private(Column(name.replace("/", "."), list(values)))


def _tells(text: str) -> bool:
    return bool(SECRET.fullmatch(text) or PERSONAL.fullmatch(text) or HOME.match(text))


def _is_labelled(name: str) -> bool:
    leaf = leaf_of(name)
    return leaf in LABELS or leaf.removesuffix("name").removesuffix("path").removesuffix("dir") in LABELS


def _last_part(path: str) -> str:
    return re.split(r"[\\/]", path.rstrip("\\/"))[-1]
