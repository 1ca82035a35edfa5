"""Designs: the rule that picks configurations from a search space before the first trial runs."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar

from search_spaces.hyperparameters import default_value
from search_spaces.values import read_value, write_value
from trainables.names import InputError, unknown

if TYPE_CHECKING:
    from search_spaces.spaces import SearchSpace

SAMPLERS = ("tpe", "random", "qmc", "gp", "cmaes")
"""What an adaptive design can choose by: Optuna's samplers."""

MOST = 1_000_000
"""Configurations that a design gives at most: a slip of the pen should be an error, not an hour of memory."""


@dataclass(frozen=True)
class Grid:
    """The full factorial: every combination of a few levels of each hyperparameter.

    One grid serves spaces that differ: a name that a space lacks is passed over, and :meth:`check_names` finds names that all lack.

    Args:
        points: levels of each hyperparameter, equally spaced on its scale; or the levels of each by name, where a name left out keeps
            its default. levels: the levels themselves, by name; they go before points.

    Raises: InputError for less than one point, no levels, or a name with both; from :meth:`configurations` for a level outside its domain.

    >>> from search_spaces import Float, SearchSpace
    >>> Grid(points=2, levels={"mu": [0.9]}).configurations(SearchSpace(Float("lr", 0.01, 1, "log"), Float("mu", 0, 0.99)))
    [{'lr': 0.01, 'mu': 0.9}, {'lr': 1.0, 'mu': 0.9}]
    """

    points: int | Mapping[str, int] = field(default=3, hash=False)
    levels: Mapping[str, Sequence[Any]] = field(default_factory=dict, hash=False)
    kind: ClassVar[str] = "grid"

    def __post_init__(self) -> None:
        if isinstance(self.points, Mapping):
            if not self.points and not self.levels:
                raise InputError("points of a grid must name at least one hyperparameter, got none")
            object.__setattr__(self, "points", {name: _count(f"points of {name}", each) for name, each in self.points.items()})
        else:
            object.__setattr__(self, "points", _count("points of a grid", self.points))
        if not isinstance(self.levels, Mapping):
            raise InputError(f"levels of a grid must be a mapping of names to lists, got {self.levels!r}")
        for name, values in self.levels.items():
            if isinstance(values, (str, Mapping)) or not isinstance(values, Iterable) or not list(values):
                raise InputError(f"levels of {name} must be a list of at least one value, got {values!r}")
            if isinstance(self.points, Mapping) and name in self.points:
                raise InputError(f"a grid must give points or levels of {name}, got both")
        object.__setattr__(self, "levels", {name: tuple(values) for name, values in self.levels.items()})

    def configurations(self, space: SearchSpace) -> list[dict[str, Any]]:
        """Every combination, the last hyperparameter changing fastest."""
        axes: dict[str, list[Any]] = {}
        for hyperparameter in space:
            name = hyperparameter.name
            if name in self.levels:
                axes[name] = [hyperparameter.check(each) for each in self.levels[name]]
            elif not isinstance(self.points, Mapping):
                axes[name] = list(hyperparameter.grid(self.points))
            elif name in self.points:
                axes[name] = list(hyperparameter.grid(self.points[name]))
            else:
                axes[name] = [default_value(hyperparameter)]
        count = math.prod(map(len, axes.values()))
        if count > MOST:
            raise InputError(f"a grid must have at most {MOST:,} configurations, got {count:,}; use fewer points or a sobol design")
        return _distinct(dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values()))

    def check_names(self, names: Iterable[str]) -> None:
        """Raises: InputError, with the nearest name, for a hyperparameter of this grid that is none of ``names``."""
        known = sorted(set(names))
        for name in (*(self.points if isinstance(self.points, Mapping) else ()), *self.levels):
            if name not in known:
                raise unknown("hyperparameter of the grid", name, known)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON and YAML; :func:`design_from_dict` reads it."""
        data: dict[str, Any] = {"kind": self.kind, "points": dict(self.points) if isinstance(self.points, Mapping) else self.points}
        if self.levels:
            data["levels"] = {name: [write_value(each) for each in values] for name, values in self.levels.items()}
        return data


@dataclass(frozen=True)
class _Sampled:
    """What designs of n points share."""

    n: int
    seed: int = 0
    kind: ClassVar[str]

    def __post_init__(self) -> None:
        _check_size(self)

    def check_names(self, names: Iterable[str]) -> None:
        """Nothing to check: this design names no hyperparameter."""

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON and YAML; :func:`design_from_dict` reads it."""
        return {"kind": self.kind, **{each.name: getattr(self, each.name) for each in fields(self)}}


@dataclass(frozen=True)
class Random(_Sampled):
    """``n`` independent points, uniform on every scale. A larger n begins with the points of a smaller.

    Args: n: points, at least 1; configurations that discrete hyperparameters make equal are given once. seed: 0 or more.

    >>> from search_spaces import Float, SearchSpace
    >>> len(Random(8).configurations(SearchSpace(Float("lr", 0.01, 1, "log"))))
    8
    """

    kind: ClassVar[str] = "random"

    def configurations(self, space: SearchSpace) -> list[dict[str, Any]]:
        """In the order they were drawn."""
        import numpy as np

        return _distinct(space.decode(np.random.default_rng(self.seed).random((self.n, len(space)))))


@dataclass(frozen=True)
class Sobol(_Sampled):
    """``n`` points of a scrambled Sobol sequence, which fill the space more evenly than random ones.

    A larger n begins with the points of a smaller; powers of two are balanced. Source: Owen, "Scrambling Sobol' and
    Niederreiter-Xing points" (1998), as in scipy.stats.qmc.

    Args: n: points, at least 1; configurations that discrete hyperparameters make equal are given once. seed: 0 or more.

    >>> from search_spaces import Float, SearchSpace
    >>> space = SearchSpace(Float("lr", 0.01, 1, "log"))
    >>> Sobol(8).configurations(space)[:4] == Sobol(4).configurations(space)
    True
    """

    kind: ClassVar[str] = "sobol"

    def configurations(self, space: SearchSpace) -> list[dict[str, Any]]:
        """In the order of the sequence."""
        if not len(space):
            return [{}]
        from scipy.stats import qmc

        sequence = qmc.Sobol(len(space), scramble=True, rng=self.seed)
        # Whole powers of two only, so that scipy has no imbalance to warn of; n cuts the last one.
        return _distinct(space.decode(sequence.random_base2((self.n - 1).bit_length())[: self.n]))


@dataclass(frozen=True)
class AdaptiveDesign(_Sampled):
    """``n`` configurations that a sampler chooses while the study runs, each from the outcomes of those before it.

    It looks for each variant's optimum, so its configurations crowd there and are no fair sample of the space.

    Args: n: configurations, at least 1. seed: of the sampler, 0 or more. sampler: one of :data:`SAMPLERS`.

    >>> AdaptiveDesign(50, sampler="gp").to_dict()
    {'kind': 'adaptive', 'n': 50, 'seed': 0, 'sampler': 'gp'}
    """

    sampler: str = "tpe"
    kind: ClassVar[str] = "adaptive"

    def __post_init__(self) -> None:
        _check_size(self)
        if self.sampler not in SAMPLERS:
            raise unknown("sampler", self.sampler, SAMPLERS)

    def configurations(self, space: SearchSpace) -> list[dict[str, Any]]:
        """Raises: InputError always, as they are not known beforehand."""
        raise InputError("an adaptive design chooses its configurations while the study runs; use grid, random or sobol to list them")


Design = Grid | Random | Sobol | AdaptiveDesign
DESIGNS: dict[str, type[Design]] = {each.kind: each for each in (Grid, Random, Sobol, AdaptiveDesign)}


def design_from_dict(data: Mapping[str, Any]) -> Design:
    """A design from plain data, as YAML and JSON give it; the inverse of each design's ``to_dict``.

    Args: data: ``kind`` (grid, random, sobol or adaptive) and the arguments of the design. Strings that read as numbers are numbers.
    Raises: InputError with the nearest name for an unknown kind or field, or naming what is missing; as the design otherwise.

    >>> design_from_dict({"kind": "grid", "levels": {"lr": ["1e-4", "1e-2"]}})
    Grid(points=3, levels={'lr': (0.0001, 0.01)})
    """
    if not isinstance(data, Mapping):
        raise InputError(f"a design must be a mapping such as {{kind: grid, points: 3}}, got {data!r}")
    if "kind" not in data:
        raise InputError(f"a design lacks 'kind' (known: {', '.join(DESIGNS)})")
    kind = data["kind"]
    if not isinstance(kind, str) or kind not in DESIGNS:
        raise unknown("kind of design", kind, DESIGNS)
    made = DESIGNS[kind]
    known = [each.name for each in fields(made)]
    given = {name: _read(each) for name, each in data.items() if name != "kind"}
    for name in given:
        if name not in known:
            raise unknown(f"field of a {kind} design", name, ("kind", *known))
    if "n" in known and "n" not in given:
        raise InputError(f"a {kind} design lacks 'n' (fields: {', '.join(known)})")
    return made(**given)


def _read(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _read(each) for name, each in value.items()}
    return [_read(each) for each in value] if isinstance(value, (list, tuple)) else read_value(value)


def _check_size(design: _Sampled) -> None:
    object.__setattr__(design, "n", _count("n of a design", design.n))
    object.__setattr__(design, "seed", _whole("seed of a design", design.seed, at_least=0))


def _count(name: str, value: object) -> int:
    number = _whole(name, value, at_least=1)
    if number > MOST:
        raise InputError(f"{name} must be at most {MOST:,}, got {number:,}")
    return number


def _whole(name: str, value: object, *, at_least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < at_least:
        raise InputError(f"{name} must be a whole number of at least {at_least}, got {value!r}")
    return int(value)


def _distinct(configurations: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each configuration once, in order; True and 1 are two values."""
    found: dict[tuple[tuple[type, Any], ...], dict[str, Any]] = {}
    for configuration in configurations:
        found.setdefault(tuple((type(value), value) for value in configuration.values()), configuration)
    return list(found.values())
