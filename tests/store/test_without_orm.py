"""The object mapper is not loaded, and whoever asks for what needs it gets it all the same."""

import subprocess
import sys

import pytest

LOAD = "import sys\nimport reconcile.store.session\nprint('sqlalchemy.orm' in sys.modules)\n"


def told(code: str) -> list[str]:
    """Return what a process prints that runs *code*."""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_the_store_loads_no_object_mapper() -> None:
    assert told(LOAD) == ["False"]


@pytest.mark.parametrize(
    "asking",
    [
        "from sqlalchemy.ext.asyncio import AsyncSession",
        "import sqlalchemy.ext.asyncio\nAsyncSession = sqlalchemy.ext.asyncio.AsyncSession",
        "from sqlalchemy.ext import asyncio\nAsyncSession = asyncio.AsyncSession",
        "from sqlalchemy.ext.asyncio.session import AsyncSession",
    ],
)
def test_a_session_is_there_for_whoever_asks(asking: str) -> None:
    code = f"{LOAD}{asking}\nfrom sqlalchemy.ext.asyncio import AsyncEngine\n"
    code += "from reconcile.store.db import engines as ours\n"

    assert told(f"{code}print(AsyncSession.__module__, AsyncEngine is ours.AsyncEngine)") == [
        "False",
        "sqlalchemy.ext.asyncio.session",
        "True",
    ]


def test_a_name_that_does_not_exist_is_missing_as_ever() -> None:
    code = f"{LOAD}import sqlalchemy.ext.asyncio as package\n"

    assert told(f"{code}print(*(hasattr(package, each) for each in ('nonsense', '__wrapped__')))") == [
        "False",
        "False",
        "False",
    ]


def test_where_the_whole_package_is_loaded_already_it_stays() -> None:
    assert told("import sqlalchemy.ext.asyncio as whole\n" + LOAD + "print(sys.modules[whole.__name__] is whole)") == [
        "True",
        "True",
    ]


def test_where_sqlalchemy_has_its_engine_elsewhere_the_whole_package_is_loaded() -> None:
    code = (
        "import sys\nfrom reconcile.store import without_orm\n"
        "for name in [each for each in sys.modules if each.startswith('sqlalchemy.ext.asyncio')]:\n"
        "    del sys.modules[name]\n"
        "without_orm._USED = ('Elsewhere',)\nwithout_orm.load_without_orm()\n"
        "from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine\nprint('sqlalchemy.orm' in sys.modules)"
    )

    assert told(code) == ["True"]
