"""A command that is typed with all its options, up to the use case that it asks."""

import importlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reconcile import bootstrap
from reconcile.errors import RequestError
from reconcile_cli.sections import MODULES
from tests.cli.command import Done, here
from tests.recording_port import Recorded, recorded
from tests.substitution import substitute_in_test


@dataclass
class Confirmation:
    """How the use case was called, what the store was asked, and how the command ended."""

    arguments: tuple[Any, ...] = ()
    keywords: Mapping[str, Any] = field(default_factory=dict)
    ports: Mapping[str, Recorded] = field(default_factory=dict)
    done: Done | None = None


Look = Callable[[Confirmation], Any]


@dataclass(frozen=True, kw_only=True)
class Typed:
    """One command line. *asks* is the use case that is called and never begun, *seen* what is to be seen by option.

    *answers* are functions that are asked before, and what each of them returns. ``{folder}`` in *words* is a new one.
    """

    words: str
    seen: Mapping[str, tuple[Look, Any]]
    asks: Callable[..., Any] | None = None
    answers: Mapping[Callable[..., Any], Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return "-".join(self.words.split()[:3])


def hear(typed: Typed, *, url: str, folder: Path, **settings: str) -> Confirmation:
    """Run a command up to its use case, over the database at *url*."""
    heard = Confirmation()
    for name in MODULES.values():
        importlib.import_module(name)
    with pytest.MonkeyPatch.context() as patch:
        substitute_in_test(patch, bootstrap.open_database_url, _recorded(bootstrap.open_database_url, heard))
        if typed.asks is not None:
            substitute_in_test(patch, typed.asks, _stopped(heard))
        for function, answer in typed.answers.items():
            substitute_in_test(patch, function, _answered(answer))
        words: Sequence[str] = typed.words.format(folder=folder).split()
        is_of_database = words[0] not in {"job", "simulate"} and words[:2] != ["backfill", "manifest"]
        heard.done = here(*words, **({"database_url": url} if is_of_database else {}), **settings)
    return heard


def _recorded(original: Callable[..., Any], heard: Confirmation) -> Callable[..., Any]:
    @asynccontextmanager
    async def call(*arguments: Any, **facts: Any) -> AsyncIterator[Any]:
        async with original(*arguments, **facts) as store:
            seen, heard.ports = recorded(store)
            yield seen

    return call


def _stopped(heard: Confirmation) -> Callable[..., Any]:
    async def call(*arguments: Any, **keywords: Any) -> None:
        heard.arguments, heard.keywords = arguments, keywords
        raise RequestError("it was asked")

    return call


def _answered(answer: Any) -> Callable[..., Any]:
    async def call(*_: Any, **__: Any) -> Any:
        return answer

    return call


def first(name: str) -> Look:
    """Look at an attribute of the use case's first argument."""
    return lambda heard: getattr(heard.arguments[0], name)


def second(name: str) -> Look:
    """Look at an attribute of its second argument; the first are the settings."""
    return lambda heard: getattr(heard.arguments[1], name)


def keyword(name: str) -> Look:
    return lambda heard: heard.keywords[name]


def argument(place: int) -> Look:
    return lambda heard: heard.arguments[place]


def port(name: str, method: str, what: int | str) -> Look:
    """Look at an argument of the store's port *name*, by place or keyword."""

    def look(heard: Confirmation) -> Any:
        call = heard.ports[name].of(method)[0]
        return call.arguments[what] if isinstance(what, int) else call.keywords[what]

    return look


def days_before(look: Look) -> Look:
    """Look at how many days ago an instant is."""
    return lambda heard: round((datetime.now(UTC) - look(heard)) / timedelta(days=1))
