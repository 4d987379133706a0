"""How single values cross into SQL and back: instants, JSON, keys typed by people, versions of the schema."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest
from sqlalchemy import Column, column

from reconcile.store.db.types import clean, document, instant_text, read_instant
from reconcile.store.mapping.catalog import ColumnKind
from reconcile.store.mapping.fields import Field
from reconcile.store.schema.version import DOMAIN_HEAD, LEDGER_HEAD, missing_heads, unknown_versions
from tests.stores import DEFAULT

NOON = datetime(2025, 3, 3, 12, 0, tzinfo=UTC)
IN_BERLIN = NOON.astimezone(timezone(timedelta(hours=1)))
LAST_SECONDS = 99_999_999_999


@pytest.mark.parametrize(
    ("stored", "instant"),
    [
        (NOON, NOON),
        (IN_BERLIN, NOON),
        (NOON.replace(tzinfo=None), NOON),
        ("2025-03-03T12:00:00Z", NOON),
        (" 2025-03-03 13:00+01:00 ", NOON),
        ("2025-03-03 12:00", NOON),
        (int(NOON.timestamp()), NOON),
        (NOON.timestamp() * 1000, NOON),
        (LAST_SECONDS, datetime(5138, 11, 16, 9, 46, 39, tzinfo=UTC)),
        (LAST_SECONDS + 1, datetime(1973, 3, 3, 9, 46, 40, tzinfo=UTC)),
        (-LAST_SECONDS - 1, datetime(1966, 10, 31, 14, 13, 20, tzinfo=UTC)),
        ("soon", None),
        ("0001-01-01T00:00:00+14:00", None),
        (1e300, None),
        (float("nan"), None),
        (None, None),
        (b"2025", None),
    ],
)
def test_a_stored_value_is_read_as_an_instant_in_utc(stored: object, instant: datetime | None) -> None:
    found = read_instant(stored)

    assert found == instant
    assert found is None or found.tzinfo is UTC


def test_an_instant_has_one_text_in_any_zone() -> None:
    assert instant_text(NOON) == instant_text(IN_BERLIN) == "2025-03-03T12:00:00.000000+00:00"


@pytest.mark.parametrize(
    ("value", "read_back"),
    [
        ({"at": IN_BERLIN, "n": [1, None, True]}, {"at": "2025-03-03T12:00:00.000000+00:00", "n": [1, None, True]}),
        ({"a\0": ["b\0", ("c\0",)]}, {"a\ufffd": ["b\ufffd", ["c\ufffd"]]}),
        ({"\ud800": "x\udfff"}, {"?": "x?"}),
        (["\0", IN_BERLIN, 7], ["\ufffd", "2025-03-03T12:00:00.000000+00:00", 7]),
        ("", ""),
    ],
)
def test_json_is_written_in_a_form_that_both_databases_accept(value: object, read_back: object) -> None:
    assert orjson.loads(document(value)) == read_back


def test_a_value_without_a_json_form_raises_type_error() -> None:
    with pytest.raises(TypeError):
        document({"a": object()})


def test_characters_that_a_column_cannot_hold_are_replaced() -> None:
    assert clean("a\0b\ud800c é") == "a\ufffdb?c é"


UUID = "01234567-89ab-CDEF-0123-456789abcdef"


@pytest.mark.parametrize(
    ("kind", "text", "is_accepted"),
    [
        (ColumnKind.INTEGER, "0", True),
        (ColumnKind.INTEGER, "-12", True),
        (ColumnKind.INTEGER, str(2**63 - 1), True),
        (ColumnKind.INTEGER, str(2**63), False),
        (ColumnKind.INTEGER, "1" * 20, False),
        (ColumnKind.INTEGER, "1.0", False),
        (ColumnKind.INTEGER, "", False),
        (ColumnKind.INTEGER, "٣", False),
        (ColumnKind.UUID, UUID, True),
        (ColumnKind.UUID, UUID[:-1], False),
        (ColumnKind.UUID, f"{UUID}\n", False),
        (ColumnKind.UUID, UUID.replace("-", ""), False),
        (ColumnKind.TEXT, "anything", True),
        (ColumnKind.TEXT, "with \0", False),
        (ColumnKind.ENUM, "\ud800", False),
    ],
)
def test_a_key_is_accepted_if_the_column_can_hold_it(kind: ColumnKind, text: str, is_accepted: bool) -> None:
    name: Column[Any] = column("id")  # type: ignore[assignment]

    assert Field(name, name, lambda value: value, kind).accepts(text) is is_accepted


def later(head: str, steps: int) -> str:
    """Return the version of the same branch that is so many migrations after *head*."""
    branch, _, number = head.partition("_")
    return f"{branch}_{int(number) + steps:04}"


@pytest.mark.parametrize(
    ("found", "missing", "unknown"),
    [
        ([LEDGER_HEAD, DOMAIN_HEAD], (), ()),
        ([later(LEDGER_HEAD, 1), later(DOMAIN_HEAD, 90)], (), (later(DOMAIN_HEAD, 90), later(LEDGER_HEAD, 1))),
        ([later(LEDGER_HEAD, -1), DOMAIN_HEAD], (LEDGER_HEAD,), ()),
        ([LEDGER_HEAD], (DOMAIN_HEAD,), ()),
        (["ledger2_9999", later(DOMAIN_HEAD, -1)], (LEDGER_HEAD, DOMAIN_HEAD), ("ledger2_9999",)),
        ([LEDGER_HEAD, DOMAIN_HEAD, "odd"], (), ("odd",)),
        ([], (LEDGER_HEAD, DOMAIN_HEAD), ()),
    ],
)
def test_a_later_version_of_the_same_branch_satisfies_a_head(
    found: list[str], missing: tuple[str, ...], unknown: tuple[str, ...]
) -> None:
    assert missing_heads(frozenset(found), DEFAULT) == missing
    assert unknown_versions(frozenset(found)) == unknown
