"""JSON of tables and numbers, without NaN and infinities."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Mapping
from typing import Any


def to_json(value: Any) -> str:
    """JSON to the last digit: nothing measured is null, infinity a string, a time in ISO 8601."""

    def plain(each: Any) -> Any:
        if isinstance(each, Mapping):
            return {str(name): plain(one) for name, one in each.items()}
        if isinstance(each, (list, tuple)):
            return [plain(one) for one in each]
        if hasattr(each, "item"):  # a NumPy number
            each = each.item()
        if isinstance(each, datetime.datetime):  # a time that is not known is one, too, and unlike itself
            return each.isoformat() if each == each else None
        if isinstance(each, float) and not math.isfinite(each):
            return None if math.isnan(each) else str(each)
        return each

    return json.dumps(plain(value), allow_nan=False)
