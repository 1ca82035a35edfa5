"""YAML as people write it: 1e-3 is a number, and a repeated key is an error."""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Any

import yaml

from trainables.names import InputError


def read_yaml(text: str) -> Any:
    """Parse YAML.

    Raises: InputError naming line and column.
    """
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise InputError("not YAML: " + " ".join(str(error).split())) from None
    except (ValueError, RecursionError) as error:  # a date that is none, lists in lists in lists
        raise InputError(f"the YAML cannot be read: {error}") from None


class _Loader(yaml.SafeLoader):
    """YAML loader that reads 1e-3 as a number, as YAML 1.2 does, and refuses repeated keys."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = set()
        for key, _ in node.value:
            name = self.construct_object(key, deep=True)
            if isinstance(name, Hashable):  # PyYAML refuses unhashable keys
                if name in names:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"{name!r} is given twice", key.start_mark
                    )
                names.add(name)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


_Loader.yaml_implicit_resolvers = {
    first: list(rules) for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"),
    list("-+.0123456789"),
)
