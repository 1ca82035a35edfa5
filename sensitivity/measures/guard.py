"""A guard around computations on results: a failure costs its own place only, with the reason."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, TypeVar

import pandas as pd

from sensitivity.measures.threads import one_thread
from trainables.names import InputError

T = TypeVar("T")
REFUSED = "refused"
"""Key in the attributes of an empty table: the reason why the results do not provide the table."""
COLUMNS = ("task", "variant", "value", "low", "high", "n", "note")
LONGEST = 200
"""Most characters of an exception's text in a reason."""

_log = logging.getLogger("sensitivity")


class ComputationFailed(InputError):
    """A computation that another one needs has failed before; the reason is among :attr:`Guard.failures`."""


def refused_table(reason: str) -> pd.DataFrame:
    """Return an empty table with the reason for its emptiness."""
    table = pd.DataFrame({name: pd.Series(dtype=object) for name in COLUMNS})
    table.attrs[REFUSED] = reason
    return table


def table_or_refusal(measure: Callable[..., pd.DataFrame], *arguments: Any, **named: Any) -> pd.DataFrame:
    """Call a measure; return an empty table with the reason where the measure refuses the results."""
    try:
        return measure(*arguments, **named)
    except ComputationFailed:
        raise
    except InputError as refusal:
        return refused_table(str(refusal))


def stacked(tables: Iterable[pd.DataFrame], reason: str) -> pd.DataFrame:
    """Return tables below one another, without those that were refused unless all were.

    Args:
        tables: Tables of one measure.
        reason: Reason of the empty table that is returned where there are none.
    """
    parts = list(tables)
    whole = [table for table in parts if REFUSED not in table.attrs] or parts[:1]
    if not whole:
        return refused_table(reason)
    return pd.concat(whole, ignore_index=True) if len(whole) > 1 else whole[0]


def reason_of(name: str, error: Exception) -> str:
    """Word the failure of a computation for a reader, in one line.

    >>> reason_of("danger_zone", ZeroDivisionError("division by zero"))
    'danger_zone could not be computed (ZeroDivisionError: division by zero)'
    """
    text = " ".join(str(error).split())
    text = text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
    return f"{name} could not be computed ({type(error).__name__}{': ' if text else ''}{text})"


@dataclass(frozen=True)
class Guard:
    """An object whose computations may fail one by one, without stopping the others.

    Attributes:
        failures: Reason of each computation that failed, by its name. Every computation that needs one of
            them fails with the same reason.
    """

    failures: dict[str, str] = field(default_factory=dict, kw_only=True, repr=False, compare=False)

    def fail(self, name: str, error: Exception) -> ComputationFailed:
        """Note the failure of a computation, once, with its traceback in the log.

        Returns:
            The exception to raise where nothing else can be returned.
        """
        if name not in self.failures:
            self.failures[name] = reason_of(name, error)
            _log.warning("%s", self.failures[name], exc_info=error)
        return ComputationFailed(self.failures[name])

    def required(self, name: str, compute: Callable[[], T]) -> T:
        """Compute a result that the caller cannot do without.

        Args:
            name: Name of the computation, for a reader.
            compute: The computation.

        Raises:
            ComputationFailed: if the computation, or one that it needs, fails.
        """
        try:
            return compute()
        except InputError:
            raise  # a refusal, or a failure already noted
        except Exception as error:
            raise self.fail(name, error) from error

    def attempt(self, name: str, compute: Callable[[], T], otherwise: T) -> T:
        """Compute a result that a page can do without.

        Args:
            name: Name of the computation, for a reader.
            compute: The computation.
            otherwise: The result if the computation fails.
        """
        try:
            return compute()
        except ComputationFailed:
            return otherwise  # the failure is noted with its reason
        except Exception as error:
            self.fail(name, error)
            return otherwise

    def attempts(self, what: str, pieces: Iterable[Callable[..., list[T]]], *arguments: Any) -> list[T]:
        """Join the lists that several functions of the same arguments return; one that fails adds nothing."""
        joined: list[T] = []
        for piece in pieces:
            joined += self.attempt(f"{what} ({piece.__name__.strip('_')})", partial(piece, *arguments), [])
        return joined

    def table_named(self, name: str) -> pd.DataFrame:
        """Return one of the tables that are attributes; an empty one with the reason if it failed."""
        try:
            table: pd.DataFrame = getattr(self, name)
        except ComputationFailed as failure:
            return refused_table(str(failure))
        return table


class guarded_table(cached_property[Any]):
    """A table of a :class:`Guard`, computed when it is first read.

    A refusal (InputError) is an empty table with its reason. Any other exception is noted as a failure of the
    guard, and raised as ComputationFailed to every reader of the table, now and later.
    """

    @one_thread
    def __get__(self, instance: Any, owner: type[Any] | None = None) -> Any:
        if instance is None:
            return self
        name = str(self.attrname)
        if name in instance.failures:
            raise ComputationFailed(instance.failures[name])
        try:
            return super().__get__(instance, owner)
        except ComputationFailed:
            raise
        except InputError as refusal:
            return vars(instance).setdefault(name, refused_table(str(refusal)))
        except Exception as error:
            raise instance.fail(name, error) from error
