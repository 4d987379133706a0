"""The store and the domain agree on which leads are due, whatever the schema."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.due import DuePolicy, Priority, due
from reconcile.domain.lead import Lead, LeadState, MismatchKind, Rollup
from reconcile.ports import Store
from reconcile.store.db.database import Database
from reconcile.store.leads.seed import seed
from reconcile.store.mapping.mapping import SchemaMapping
from reconcile.store.schema.migrate import migrate
from reconcile.store.schema.tables import lead_state
from reconcile.store.session import open_store
from tests import samples
from tests.store import schemas
from tests.stores import DEFAULT, NOW, batch, lead, lead_write, workspace

POLICY = DuePolicy()
TICK = timedelta(milliseconds=1)
EDGES = [timedelta(0), POLICY.hot, POLICY.stale, POLICY.soon]
OFFSETS = [sign * edge + tick for edge in EDGES for sign in (1, -1) for tick in (-TICK, timedelta(0), TICK)]
NUMBERS = count(1)

maybe_instant = st.none() | st.sampled_from(OFFSETS).map(lambda offset: NOW + offset)
statuses = st.none() | st.sampled_from([AppointmentStatus.CONFIRMED, AppointmentStatus.CANCELED])
rollups = st.builds(
    Rollup,
    booking_id=st.none() | st.just("A1"),
    status=statuses,
    starts_at=maybe_instant,
    canceled_at=maybe_instant,
)
states = st.builds(
    LeadState,
    attempted_at=maybe_instant,
    verified_at=maybe_instant,
    next_attempt_at=maybe_instant,
    quarantined_at=maybe_instant | st.none(),
    absent_since=maybe_instant,
    mismatch=st.none() | st.sampled_from(MismatchKind),
    occurrence=st.integers(0, 3),
)
facts = st.fixed_dictionaries(
    {"rollup": rollups, "state": states, "in_sequence": st.booleans(), "last_inbound_at": maybe_instant}
)


def expected(leads: Sequence[Lead]) -> list[str]:
    """Return the ids of the leads that are due, in the order of service, as the domain has it."""
    verdicts = {each.id: due(each, now=NOW, policy=POLICY) for each in leads}
    ready = [each for each in leads if isinstance(verdicts[each.id], Priority)]

    def place(each: Lead) -> tuple[bool, datetime, str]:
        never = datetime.min.replace(tzinfo=NOW.tzinfo)
        return verdicts[each.id] is not Priority.HOT, each.state.attempted_at or never, each.id

    return [each.id for each in sorted(ready, key=place)]


@samples.cells(4)
@pytest.mark.parametrize("most", [1, 25], ids=["one lead, so that each reason must find it", "many"])
@pytest.mark.parametrize("schema", ["default", "camel", "bare", "spread"])
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
async def test_sql_and_domain_agree(database_url: str, schema: str, most: int, data: st.DataObject) -> None:
    drawn = data.draw(st.lists(facts, min_size=1, max_size=most))
    number = next(NUMBERS)
    mapping = await mapping_once(database_url, schema)
    workspace_id = str(number)
    ids = [str(number * 1000 + n) for n in range(len(drawn))]
    if schema not in {"bare", "spread"}:
        ids = [str(UUID(int=int(each))) for each in ids]
    leads = [lead(id_, workspace_id=workspace_id, **each) for id_, each in zip(ids, drawn, strict=True)]
    owner = workspace(workspace_id)
    await seed(
        database_url,
        mapping=mapping,
        workspaces=[owner],
        leads=leads,
        other_status="0" if schema == "spread" else "NEW",
    )
    async with open_store(database_url, mapping=mapping) as store:
        await remember(store, leads)
        if schema == "bare":
            await remember_facts(database_url, leads)
        held = [found for each in leads if (found := await store.leads.lead(each.id))]
        ready = await store.leads.due_leads(leads[0].workspace_id, now=NOW, policy=POLICY, limit=99)
        workspaces = await store.leads.due_workspaces(now=NOW, policy=POLICY, limit=9, only=leads[0].workspace_id)

    if schema == "default":
        assert held == leads
    assert [each.id for each in ready] == expected(held)
    assert [each.id for each in workspaces.workspaces] == ([workspace_id] if expected(held) else [])


async def remember(store: Store, leads: Sequence[Lead]) -> None:
    """Write the leads' states as a former run would have."""
    writes = [lead_write(each, state=each.state) for each in leads]
    await store.leads.write(batch(writes))


async def remember_facts(url: str, leads: Sequence[Lead]) -> None:
    """Write what a run found out and the customer's table has no columns for."""
    database = Database(url)
    for each in leads:
        facts = each.rollup
        values = {
            "booking_id": facts.booking_id,
            "booking_status": facts.status.value if facts.status else None,
            "booking_starts_at": facts.starts_at,
            "booking_canceled_at": facts.canceled_at,
        }
        await database.change(update(lead_state).where(lead_state.c.lead_id == each.id).values(values))
    await database.close()


MAPPINGS: dict[str, SchemaMapping] = {}


async def mapping_once(url: str, schema: str) -> SchemaMapping:
    """Make the schema in the first example of a test; the database is the same in the following ones."""
    if url not in MAPPINGS:
        MAPPINGS[url] = DEFAULT if schema == "default" else (await getattr(schemas, schema)(url)).mapping
        await migrate(url, mapping=MAPPINGS[url])
    return MAPPINGS[url]
