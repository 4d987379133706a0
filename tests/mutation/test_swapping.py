"""A function that is imported already gets the code of a mutant, wherever it is referred to."""

from collections.abc import Mapping
from types import ModuleType
from typing import Any

import pytest

from tests.mutation.swapping import is_swapped

SOURCE = """
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial

def plain():
    return "before"

def with_inner():
    return [plain() for _ in range(1)][0], (lambda: "before")()

@lru_cache
def cached():
    return "before"

@contextmanager
def managed():
    yield "before"

@dataclass(frozen=True, slots=True)
class Base:
    number: int = 1

    @property
    def asked(self):
        return "before"

    @classmethod
    def made(cls):
        return cls.__name__ + "before"

    @staticmethod
    def fixed():
        return "before"

    async def awaited(self):
        return "before"

class Derived(Base):
    def method(self):
        return super().fixed(), "before"

    @cached_property
    def kept(self):
        return "before"

TABLE = {"plain": plain, "partial": partial(plain)}
SEEN = plain()
"""
CASES: Mapping[str, Any] = {
    "a function": lambda m: m.plain(),
    "in a table": lambda m: m.TABLE["plain"](),
    "in a partial": lambda m: m.TABLE["partial"](),
    "an inner function": lambda m: m.with_inner(),
    "with a cache": lambda m: m.cached(),
    "a context manager": lambda m: m.managed().__enter__(),
    "a property": lambda m: m.Base().asked,
    "a class method": lambda m: m.Derived.made(),
    "a static method": lambda m: m.Base.fixed(),
    "a coroutine": lambda m: m.Base().awaited().cr_code.co_consts,
    "with super": lambda m: m.Derived().method(),
    "a cached property": lambda m: m.Derived().kept,
}


@pytest.fixture
def module() -> ModuleType:
    made = ModuleType("swapped_in_a_test")
    made.__file__ = "swapped_in_a_test.py"
    exec(compile(SOURCE, made.__file__, "exec"), made.__dict__)  # noqa: S102
    return made


@pytest.mark.filterwarnings("ignore:coroutine")
@pytest.mark.parametrize("name", CASES)
def test_each_kind_of_function_gets_its_new_code(module: ModuleType, name: str) -> None:
    before = repr(CASES[name](module))
    assert is_swapped(module, SOURCE.replace('"before"', '"after"'))

    assert repr(CASES[name](module)) == before.replace("before", "after") != before


def test_what_ran_at_the_import_stays(module: ModuleType) -> None:
    assert is_swapped(module, SOURCE.replace('"before"', '"after"').replace("number: int = 1", "number: int = 2"))

    assert (module.SEEN, module.Base().number) == ("before", 1)


@pytest.mark.parametrize(
    "source",
    [SOURCE, SOURCE.replace("super().fixed()", '"before"'), SOURCE.replace("SEEN = plain()", "SEEN = 1")],
    ids=["nothing", "a function that loses its class", "what runs at the import"],
)
def test_a_change_that_no_function_can_take_is_refused(module: ModuleType, source: str) -> None:
    assert not is_swapped(module, source)


def test_a_source_that_cannot_run_again_is_not_taken(module: ModuleType) -> None:
    assert not is_swapped(module, SOURCE.replace('"before"', '"after"') + "\nraise ValueError")

    assert module.plain() == "before"
