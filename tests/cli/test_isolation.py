"""Rows that cannot be read or written, seen from the shell: the run ends as any other, and says what failed."""

import sqlite3
from collections.abc import Callable

import pytest

from tests.cli.conftest import Shop

pytestmark = pytest.mark.integration

UNREADABLE = "UPDATE lead SET booking_starts_at = 'next Tuesday' WHERE id = (SELECT min(id) FROM lead)"
BYTES = "UPDATE lead SET email = CAST(x'c328' AS TEXT) WHERE id = (SELECT min(id) FROM lead)"
TOKEN = "UPDATE workspace SET ghl_token = x'00ff' WHERE id = (SELECT min(id) FROM workspace)"
MISSING = "ALTER TABLE lead DROP COLUMN email"
DAMAGED = "INSERT INTO reconcile_cadence VALUES ('run', 1e300, '', '', 'command', 'x', 'x')"


@pytest.mark.parametrize(
    ("damage", "code", "is_told"),
    [
        (UNREADABLE, 0, lambda report: (report["errors"], report["health"]) == (1, "degraded")),
        (BYTES, 0, lambda report: (report["errors"], report["health"]) == (1, "degraded")),
        (TOKEN, 0, lambda report: report["errors"] == 0 and report["skipReasons"]["not_configured"] == 5),
        (DAMAGED, 0, lambda report: (report["errors"], report["leadsChecked"]) == (0, 10)),
        (MISSING, 78, lambda _: True),
    ],
)
async def test_a_bad_row_costs_its_lead_and_a_bad_table_the_run(
    shop: Shop, damage: str, code: int, is_told: Callable[[dict[str, object]], bool]
) -> None:
    with sqlite3.connect(shop.env["RECONCILE_DATABASE_URL"].removeprefix("sqlite:///")) as file:
        file.execute(damage)
    done = await shop.reconcile("run", "--output", "json")

    assert done.code == code, done.err
    assert "Traceback" not in done.err
    assert code or is_told(done.json), done.out
