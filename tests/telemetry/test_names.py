"""How requests and facts are named outside."""

from datetime import timedelta
from typing import Any

import pytest

from reconcile.domain.ids import Operation, ProviderName
from reconcile.domain.planning.outcome import Outcome
from reconcile.errors import ErrorClass
from reconcile.ports import HttpAttempt
from reconcile.ports.instruments import INSTRUMENTS
from reconcile.telemetry.names import attempt_attributes, attributes


def an_attempt(**facts: Any) -> HttpAttempt:
    given = {"origin": "https://services.example.com", "number": 1, "duration": timedelta(seconds=1), **facts}
    return HttpAttempt(
        provider=ProviderName.HIGHLEVEL, operation=Operation.APPOINTMENT, method="GET", url_template="/a/{id}", **given
    )


@pytest.mark.parametrize(
    ("status", "error_class", "expected"),
    [
        (200, None, None),
        (404, None, None),
        (404, ErrorClass.REJECTED, "404"),
        (503, ErrorClass.UNAVAILABLE, "503"),
        (429, ErrorClass.RATE_LIMITED, "429"),
        (200, ErrorClass.UNDECODABLE, "undecodable"),
        (None, ErrorClass.TIMEOUT, "timeout"),
        (None, ErrorClass.TRANSPORT, "transport"),
        (None, None, "cancelled"),
    ],
)
def test_an_error_type_is_the_status_that_failed_or_the_class(
    status: int | None, error_class: ErrorClass | None, expected: str | None
) -> None:
    found = attempt_attributes(an_attempt(status=status, error_class=error_class))

    assert found.get("error.type") == expected
    assert found.get("http.response.status_code") == status


@pytest.mark.parametrize(
    ("origin", "server"),
    [
        ("https://services.example.com", ("services.example.com", 443)),
        ("http://127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("http://localhost", ("localhost", 80)),
    ],
)
def test_a_server_is_host_and_port(origin: str, server: tuple[str, int]) -> None:
    found = attempt_attributes(an_attempt(origin=origin, status=200))

    assert (found["server.address"], found["server.port"]) == server


def test_facts_become_plain_attributes_below_our_name() -> None:
    found = attributes({"outcome": Outcome.BOOKED, "error.type": "x", "shard": None, "provider": ["a"], "leads": 3})

    assert found == {
        "reconcile.outcome": "booked",
        "error.type": "x",
        "reconcile.provider": ["a"],
        "reconcile.leads": 3,
    }


def test_no_instrument_is_declared_twice_and_each_has_unit_and_sentence() -> None:
    assert len({each.name for each in INSTRUMENTS}) == len(INSTRUMENTS)
    assert all(each.unit and each.help.endswith(".") for each in INSTRUMENTS)
