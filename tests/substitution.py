"""Replace a function wherever the program refers to it: no test needs to name the module that calls it."""

import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

# A module that is first imported while something is replaced would keep the replacement.
from reconcile.bootstrap import alert_channels as _alert_channels  # noqa: F401


def substitute(original: Callable[..., Any], replacement: Callable[..., Any]) -> None:
    """Let every module of the program that imported *original* call *replacement*, until the process ends."""
    for module, name in _references(original):
        setattr(module, name, replacement)


def substitute_in_test(
    monkeypatch: pytest.MonkeyPatch, original: Callable[..., Any], replacement: Callable[..., Any]
) -> None:
    """Do the same until the test ends."""
    for module, name in _references(original):
        monkeypatch.setattr(module, name, replacement)


def _references(original: Callable[..., Any]) -> Iterator[tuple[ModuleType, str]]:
    modules = [
        module for name, module in sys.modules.items() if name.partition(".")[0] in {"reconcile", "reconcile_cli"}
    ]
    found = [(module, name) for module in modules for name, value in vars(module).items() if value is original]
    if not found:
        raise LookupError(f"no module of the program refers to {original!r}")
    yield from found
