"""JSON of tables and numbers, without NaN and infinities."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Mapping
from typing import Any


def to_json(value: Any) -> str:
    """Return strict JSON with all digits: NaN is null, infinity a string, a time in ISO 8601."""

    def plain(item: Any) -> Any:
        if isinstance(item, Mapping):
            return {str(name): plain(entry) for name, entry in item.items()}
        if isinstance(item, (list, tuple)):
            return [plain(entry) for entry in item]
        if hasattr(item, "item"):  # a NumPy number
            item = item.item()
        if isinstance(item, datetime.datetime):  # NaT is a datetime, and unequal to itself
            return item.isoformat() if item == item else None
        if isinstance(item, float) and not math.isfinite(item):
            return None if math.isnan(item) else str(item)
        return item

    return json.dumps(plain(value), allow_nan=False)
