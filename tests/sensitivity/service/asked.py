"""A small study, asked for over the network with other fields."""

from __future__ import annotations

import json
from typing import Any

from sensitivity.service.guests import admit
from sensitivity.service.settings import Settings
from sensitivity.study.study import Study

HERE = Settings("x.sqlite")
SPEC: dict[str, Any] = {
    "name": "small",
    "tasks": ["mlp/digits"],
    "variants": ["adam"],
    "design": {"kind": "grid", "points": 2},
    "epochs": 1,
}
LR = {"name": "lr", "type": "float", "low": 1e-4, "high": 1, "scale": "log"}
AT_ONCE = 5.0
"""Seconds of one core within which a study is refused, whatever it asks for."""


def asked(settings: Settings = HERE, **fields: Any) -> Study:
    return admit(json.dumps({**SPEC, **fields}), settings)
