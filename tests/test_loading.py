"""The collector of garbage stays away from what is loaded, and is back afterwards."""

import gc
import subprocess
import sys
import types
from collections.abc import Iterator

import pytest

from reconcile.lazy_imports import loading


@pytest.fixture(autouse=True)
def _collected_as_before() -> Iterator[None]:
    yield
    gc.unfreeze()
    gc.enable()


def test_nothing_is_collected_while_modules_are_loaded_and_everything_afterwards() -> None:
    with loading():
        with loading():
            is_on_within_two = gc.isenabled()
        is_on_within_one = gc.isenabled()

    assert (is_on_within_two, is_on_within_one, gc.isenabled()) == (False, False, True)


def test_a_module_that_cannot_be_loaded_leaves_the_collector_on() -> None:
    with pytest.raises(ImportError), loading():
        raise ImportError("broken")

    assert gc.isenabled()


def test_whoever_has_switched_the_collector_off_finds_it_off() -> None:
    gc.disable()
    with loading():
        pass

    assert not gc.isenabled()


def test_what_was_loaded_is_not_looked_through_again(monkeypatch: pytest.MonkeyPatch) -> None:
    gc.unfreeze()
    with loading():
        pass
    after_nothing = gc.get_freeze_count()
    with loading():
        monkeypatch.setitem(sys.modules, "just_loaded", types.ModuleType("just_loaded"))

    assert after_nothing == 0
    assert gc.get_freeze_count() > 0


def test_a_process_ends_without_a_last_look() -> None:
    code = (
        "import atexit, gc\nfrom reconcile.lazy_imports import leave_memory_to_the_system\n"
        "atexit.register(lambda: print(gc.get_freeze_count() > 0))\nleave_memory_to_the_system()"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "True\n"
