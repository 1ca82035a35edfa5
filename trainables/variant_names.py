"""Names of combinations: every variant of the paper by its parts.

    NAME     = MOMENTUM+ADAPTIVE, or one of the two alone
    MOMENTUM = {cm|nag}-{unscaled|scaled}-{mean|sum}-SCHEDULE
    ADAPTIVE = {l1|l2|linf}-{mean|sum}-SCHEDULE[-second]
    SCHEDULE = constant, bias_corrected, true_mean or handcrafted

Source: Dozat, "Optimizing CNNs", section 3.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from trainables.named_variants import VARIANTS
from trainables.names import InputError, unknown
from trainables.schedules import DECAY_SCHEDULES
from trainables.variant_definition import DOZAT, Variant

NORMS = {"l1": 1.0, "l2": 2.0, "linf": math.inf}
MOMENTUM: dict[str, tuple[str, ...]] = {
    "momentum": ("cm", "nag"),
    "momentum_gradient": ("unscaled", "scaled"),
    "momentum_accumulation": ("mean", "sum"),
    "mu_schedule": tuple(DECAY_SCHEDULES),
}
ADAPTIVE: dict[str, tuple[str, ...]] = {
    "p": tuple(NORMS),
    "adaptive": ("mean", "sum"),
    "nu_schedule": tuple(DECAY_SCHEDULES),
}
GRAMMAR = (
    "{cm|nag}-{unscaled|scaled}-{mean|sum}-SCHEDULE, {l1|l2|linf}-{mean|sum}-SCHEDULE[-second], or the first "
    "+ the second"
)

WORDS = {
    "cm": "classical momentum",
    "nag": "Nesterov's momentum",
    "unscaled": "of gradients",
    "scaled": "of scaled gradients",
    "l1": "the L1 norm",
    "l2": "the L2 norm",
    "linf": "the maximum norm",
    "first": "of gradients",
    "second": "of Hessian-vector products",
    "bias_corrected": "bias-corrected",
    "true_mean": "true-mean",
}


def all_variants() -> tuple[Variant, ...]:
    """Return the paper's 768 variants, in the order of their settings: every momentum with every norm.

    >>> names = [each.name for each in all_variants()]
    >>> len(names), names[0]
    (768, 'cm-unscaled-mean-constant+l1-mean-constant')
    >>> names[-1]
    'nag-scaled-mean-handcrafted+linf-sum-handcrafted-second'
    """
    momenta = itertools.product(*{**MOMENTUM, "momentum_accumulation": ("mean",)}.values())
    adaptives = list(itertools.product(*ADAPTIVE.values(), ("first", "second")))
    names = (
        f"{'-'.join(one)}+{'-'.join(other).removesuffix('-first')}" for one in momenta for other in adaptives
    )
    return tuple(combination(name) for name in names)


@lru_cache(maxsize=2048)
def combination(name: str) -> Variant:
    """Return the variant that a combination's name describes.

    Raises:
        InputError: that shows the wrong part and the allowed words.

    >>> combination("l1-mean-constant").fixed["momentum"]
    'none'
    """
    parts = name.split("+")
    first_words = [part.split("-")[0] for part in parts]
    kinds = [_nearest_kind(word, position) for position, word in enumerate(first_words)]
    if len(parts) > 2 or kinds not in (["momentum"], ["adaptive"], ["momentum", "adaptive"]):
        raise _wrong(name, "it is neither MOMENTUM+ADAPTIVE nor one of them alone")
    settings: dict[str, str] = {}
    for part, kind in zip(parts, kinds, strict=True):
        settings |= _settings(name, part, MOMENTUM if kind == "momentum" else ADAPTIVE)
    fixed: dict[str, Any] = {"momentum": "none", "adaptive": "none", **settings}
    if "p" in settings:
        fixed["p"] = NORMS[settings["p"]]
    return Variant(name, fixed, _described(settings), f"{DOZAT}, Algorithm 1")


def _nearest_kind(word: str, position: int) -> str:
    """Return the kind of part that a first word begins; an unknown word is classified by its position."""
    if word in MOMENTUM["momentum"] or (
        word not in ADAPTIVE["p"] and position == 0 and not word.startswith("l")
    ):
        return "momentum"
    return "adaptive"


def _settings(name: str, part: str, grammar: dict[str, tuple[str, ...]]) -> dict[str, str]:
    words = part.split("-")
    order = {}
    if grammar is ADAPTIVE:
        order["order"] = "second" if words[-1] == "second" else "first"
        words = words[:-1] if words[-1] == "second" else words
    for setting, word in zip(grammar, words, strict=False):
        if word not in grammar[setting]:
            raise _wrong(name, str(unknown("norm" if setting == "p" else setting, word, grammar[setting])))
    if len(words) < len(grammar):
        missing = list(grammar)[len(words)]
        raise _wrong(name, f"{part!r} ends before its {missing} ({', '.join(grammar[missing])})")
    if len(words) > len(grammar):
        raise _wrong(name, f"{part!r} goes on after its {list(grammar)[-1]} with {words[len(grammar)]!r}")
    return {**dict(zip(grammar, words, strict=True)), **order}


def _wrong(name: str, why: str) -> InputError:
    """Return the error for a name that does not parse, with the nearest named variant if there is one."""
    near = (
        str(unknown("variant", name.replace("-", "_"), VARIANTS))
        .partition("; did you mean ")[2]
        .partition("?")[0]
    )
    hint = f"; did you mean {near}?" if near else "."
    return InputError(f"unknown variant {name!r}{hint} As a combination, {why}; they read {GRAMMAR}")


def _described(settings: dict[str, str]) -> str:
    """Return a one-line description of a combination."""
    parts: list[str] = []

    def say(names: Sequence[str]) -> str:
        return " ".join(WORDS.get(name, name) for name in names)

    if "momentum" in settings:
        average = f"{say([settings['mu_schedule']])} {settings['momentum_accumulation']}"
        parts.append(f"{say([settings['momentum']])}, {average} {say([settings['momentum_gradient']])}")
    if "p" in settings:
        average = f"{WORDS.get(settings['nu_schedule'], settings['nu_schedule'])} {settings['adaptive']}"
        parts.append(f"{say([settings['p']])}, {average} {say([settings['order']])}")
    return "; ".join(parts)
