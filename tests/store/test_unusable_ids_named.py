"""``doctor`` names a row whose own id cannot be read without a word of its value."""

from datetime import UTC, datetime

import pytest

from reconcile.domain.views.finding import FindingStatus
from reconcile.store.doctor.check import check_schema
from reconcile.store.leads.seed import seed
from tests.store.schemas import Customer
from tests.stores import DEFAULT, lead, workspace

KEY = "has a value that no statement can select"
VALUES = {
    "CAST(x'c328' AS TEXT)": "has text that is not UTF-8",
    "x'616263'": "has bytes instead of text",
    "CAST(x'610062' AS TEXT)": KEY,
}


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("kind", ["table", "view"])
async def test_an_unusable_id_is_named_by_rowid_or_position(migrated_url: str, value: str, kind: str) -> None:
    if not migrated_url.startswith("sqlite"):
        pytest.skip("PostgreSQL refuses such ids")
    await seed(migrated_url, mapping=DEFAULT, workspaces=[workspace()], leads=[lead(f"l{n}") for n in range(2)])
    database = Customer(migrated_url, DEFAULT)
    await database.execute(f"INSERT INTO lead (id, workspace_id) VALUES ({value}, 'w1')")  # noqa: S608 - a test's own
    if kind == "view":
        await database.script(
            "PRAGMA foreign_keys = OFF; CREATE TABLE kept AS SELECT * FROM lead; DROP TABLE lead;"
            " CREATE VIEW lead AS SELECT * FROM kept"
        )

    found = [
        each
        for each in await check_schema(migrated_url, mapping=DEFAULT, now=datetime.now(UTC))
        if each.subject == "values"
    ]

    place = "the row rowid = 3" if kind == "table" else "row 3 of a full scan"
    assert [(each.verdict, each.text) for each in found] == [
        (FindingStatus.WARNING, f"lead.id {VALUES[value]} in {place}")
    ]
