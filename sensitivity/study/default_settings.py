"""Default settings: the configuration of each variant that is trained beside its design."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from search_spaces.declared_defaults import declared_default
from search_spaces.designs import design_from_dict
from search_spaces.spaces import SearchSpace
from sensitivity.study.fields import StudyFields


def default_setting(study: StudyFields, variant: str) -> dict[str, Any] | None:
    """Return the default setting that a study trains beside the design of a variant; None without one.

    There is none unless the study's ``default_setting`` is True (as usual), the space declares a default of
    every active hyperparameter that varies (:func:`search_spaces.declared_defaults.declared_default`), and
    the design lacks that configuration. An adaptive design has none.
    """
    if not study.default_setting:
        return None
    space, design = study.space(variant), study.resolved.design(variant)
    setting = declared_default(space)
    if setting is None or design.kind == "adaptive":
        return None
    is_in_design = _is_in_design(_text(design.to_dict()), _text(space.to_dict()))
    return None if is_in_design else setting


def is_default(study: StudyFields, variants: list[str], configurations: list[dict[str, Any]]) -> list[bool]:
    """Return True for each trial of a default setting that the design of its variant lacks.

    A design is only made if a trial of its variant has the default setting.

    Args:
        study: The specification.
        variants: Variant of each trial.
        configurations: Configuration of each trial.
    """
    if not study.default_setting:
        return [False] * len(variants)
    declared = {variant: declared_default(study.space(variant)) for variant in study.variants}
    same = [
        configuration == declared.get(variant)
        for variant, configuration in zip(variants, configurations, strict=True)
    ]
    among = {variant for variant, is_same in zip(variants, same, strict=True) if is_same}
    beside = {variant for variant in among if default_setting(study, variant) is not None}
    return [is_same and variant in beside for variant, is_same in zip(variants, same, strict=True)]


def _text(data: Any) -> str:
    return json.dumps(data, sort_keys=True)


@lru_cache(maxsize=256)
def _is_in_design(design: str, space: str) -> bool:
    """Return True if a design has the default setting of a space; both are JSON."""
    domains = SearchSpace.from_dict(json.loads(space))
    return declared_default(domains) in design_from_dict(json.loads(design)).configurations(domains)
