"""Values of which no field has its default, so that a test sees each field that is dropped, swapped or made up."""

import itertools
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import MISSING, Field, fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from reconcile.domain.coordination.shard import Shard
from reconcile.domain.verification.claim import Rate

Filled = TypeVar("Filled")
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
_UNIONS = (Union, types.UnionType)
_MAKERS: Mapping[Any, Callable[[int], Any]] = {
    Shard: lambda number: Shard(number % 1000, 1000),
    Rate: lambda number: Rate(count=number, unit=timedelta(hours=1)),
}
"""How a value is made whose fields depend on each other, from a number that is its own."""


def filled(kind: type[Filled], /, **given: Any) -> Filled:
    """Return a *kind*, a dataclass, in which each field that is not *given* has a value of its own.

    Texts, numbers, instants and durations are all different; an enumeration is at a member that is not the default, a
    flag is not its default. A field of another type has to be given: TypeError names it.
    """
    return _instance(kind, given, itertools.count(1))


def names_of(kind: type[Any], *, without: Iterable[str] = ()) -> list[str]:
    """Return the names of a dataclass's fields, for a table with a row for each."""
    return [each.name for each in fields(kind) if each.name not in set(without)]


def with_another(value: Filled, name: str, *, instead: Any = MISSING) -> Filled:
    """Return *value* with another value in the field *name*: *instead*, or one that differs from all in *value*."""
    (field,) = [each for each in fields(value) if each.name == name]  # type: ignore[arg-type]
    hint = get_type_hints(type(value))[name]
    if instead is MISSING:
        instead = next(each for each in _candidates(field, hint, itertools.count(1001)) if each != getattr(value, name))
    return replace(value, **{name: instead})  # type: ignore[type-var]


def _instance(kind: type[Filled], given: Mapping[str, Any], numbers: Iterator[int]) -> Filled:
    hints = get_type_hints(kind)
    unknown = set(given) - set(hints)
    if unknown:
        raise TypeError(f"{kind.__name__} has no {', '.join(sorted(unknown))}")
    values = {
        each.name: given[each.name] if each.name in given else _value(kind, each, hints[each.name], numbers)
        for each in fields(kind)  # type: ignore[arg-type]
        if each.init
    }
    return kind(**values)


def _value(owner: type[Any], field: "Field[Any]", hint: Any, numbers: Iterator[int]) -> Any:
    default = field.default if field.default_factory is MISSING else field.default_factory()
    found = next((each for each in _candidates(field, hint, numbers) if each != default), MISSING)
    if found is MISSING:
        raise TypeError(f"{owner.__name__}.{field.name} must be given: nobody knows how to make a {hint}")
    return found


def _candidates(field: "Field[Any]", hint: Any, numbers: Iterator[int]) -> Iterator[Any]:
    """Give values of a type, of which at least one is not the default of *field*."""
    hint = getattr(hint, "__supertype__", hint)
    origin, inner = get_origin(hint), [each for each in get_args(hint) if each not in {type(None), Ellipsis}]
    number = next(numbers)
    if hint in _MAKERS:
        yield _MAKERS[hint](number)
    elif origin in _UNIONS:
        yield from _candidates(field, inner[0], numbers)
    elif hint is bool:
        yield from (True, False)
    elif isinstance(hint, type) and issubclass(hint, Enum):
        members = list(hint)
        yield from (members[(number + shift) % len(members)] for shift in range(len(members)))
    elif isinstance(hint, type) and is_dataclass(hint):
        yield _instance(hint, {}, numbers)
    elif origin is tuple and Ellipsis not in get_args(hint):
        yield tuple(next(_candidates(field, each, numbers)) for each in inner)
    elif origin in {tuple, list, frozenset, set, Sequence, AbstractSet}:
        make = origin if isinstance(origin, type) and origin in {tuple, list, frozenset, set} else tuple
        yield make(next(_candidates(field, inner[0], numbers)) for _ in range(2))
    elif origin in {dict, Mapping}:
        yield {next(_candidates(field, inner[0], numbers)): next(_candidates(field, inner[1], numbers))}
    else:
        yield from _plain(field.name, hint, number)


def _plain(name: str, hint: Any, number: int) -> Iterator[Any]:
    made: Mapping[Any, Any] = {
        str: f"{name}-{number}",
        int: 1000 + number,
        float: 1000.5 + number,
        datetime: NOON + timedelta(minutes=number),
        timedelta: timedelta(seconds=1000 + number),
        Path: Path(f"/{name}/{number}"),
        Any: f"{name}-{number}",
    }
    if hint in made:
        yield made[hint]
