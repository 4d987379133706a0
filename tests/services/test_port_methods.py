"""Each method of each port is known as a read or as a write, and no write passes the store of a dry run."""

import contextlib
from typing import Any

import pytest

from reconcile.errors import ReconcileError
from reconcile.ports import Store
from tests.services.fakes import FakeClock
from tests.services.port_methods import STORE_PORTS, TABLE, methods_of_ports
from tests.use_cases import dry_run_store

STORE_WRITES = [(field, method) for field, port in STORE_PORTS.items() for method in sorted(TABLE[port].writes)]
STORE_READS = [
    (field, method)
    for field, port in STORE_PORTS.items()
    for method in sorted(TABLE[port].reads)
    if (field, method) not in {("leases", "held"), ("leads", "due_leads")}  # answered by classes of its own
]


class Anything:
    """A port that has any method; each is the same object whenever it is asked for."""

    def __init__(self) -> None:
        self._methods: dict[str, object] = {}

    def __getattr__(self, name: str) -> Any:
        return self._methods.setdefault(name, object())


def a_store() -> Store:
    """Return a store whose ports have every method."""
    return Store(**{name: Anything() for name in STORE_PORTS})


def test_every_method_of_a_port_is_listed_once_and_no_other() -> None:
    listed = [(port, method) for port, known in TABLE.items() for method in [*known.reads, *known.writes, *known.local]]

    assert sorted(listed) == sorted(methods_of_ports()), "enter each method into the table once: does it write?"


@pytest.mark.parametrize(("field", "method"), STORE_READS)
def test_a_dry_run_reads_from_the_database(field: str, method: str) -> None:
    real = a_store()

    found = getattr(getattr(dry_run_store(real, clock=FakeClock()), field), method)

    assert found is getattr(getattr(real, field), method)


@pytest.mark.parametrize(("field", "method"), STORE_WRITES)
def test_no_write_of_a_dry_run_reaches_the_database(field: str, method: str) -> None:
    real = a_store()
    port = getattr(dry_run_store(real, clock=FakeClock()), field)

    with contextlib.suppress(ReconcileError):
        assert getattr(port, method) is not getattr(getattr(real, field), method)


@pytest.mark.parametrize("field", sorted(set(STORE_PORTS) - {"leases", "budgets"}))
def test_an_unlisted_method_is_refused_by_name_in_a_dry_run(field: str) -> None:
    port = getattr(dry_run_store(a_store(), clock=FakeClock()), field)

    with pytest.raises(ReconcileError, match=r"Anything\.purge was called where only reads are allowed"):
        _ = port.purge
