"""Wherever a backfill is cut off and whatever is written in between, it ends as an undisturbed one would have."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.backfill.plan import ItemState
from reconcile.domain.ids import AppointmentId
from reconcile.errors import StoreUnavailable
from reconcile.ports import Store
from reconcile.store.db.database import Database
from tests import samples, stores
from tests.services.backfilling import Backfilling
from tests.services.fakes import START
from tests.services.run_harness import RunHarness, Wrapped, open_harness

WORKSPACES, LEADS = 2, 5
IDS = [f"ws-{w}-lead-{n:03}" for w in range(WORKSPACES) for n in range(LEADS)]
MUST_MOVE = 30
"""Attempts after which a backfill has stood still."""

fates = st.sampled_from(["same", "moved", "canceled", "showed"])
worlds = st.fixed_dictionaries(dict.fromkeys(IDS, fates))
cuts = st.lists(st.tuples(st.integers(1, 4), st.booleans()), max_size=4)
"""At which write from the last one on, and whether it had reached the database by then."""


@dataclass
class Saboteur:
    """Cuts writes off."""

    cuts: list[tuple[int, bool]] = field(default_factory=list)
    count: int = 0

    def over(self, store: Store) -> Store:
        """Return *store* with writes that are cut off."""
        write, record = store.leads.write, store.backfills.record
        return replace(
            store,
            leads=Wrapped(store.leads, write=lambda *a, **k: self._cut(write, a, k)),
            backfills=Wrapped(store.backfills, record=lambda *a, **k: self._cut(record, a, k)),
        )

    async def _cut(self, act: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        self.count += 1
        if not self.cuts or self.count < self.cuts[0][0]:
            return await act(*arguments, **named)
        _, is_late = self.cuts.pop(0)
        self.count = 0
        if is_late:
            await act(*arguments, **named)
        raise StoreUnavailable("cut off")


async def until_done(act: Any) -> Any:
    """Try again as a Job would, each time as a new process."""
    for _ in range(MUST_MOVE):
        try:
            return await act()
        except StoreUnavailable:
            continue
    raise AssertionError("it never ended")


async def live(harness: RunHarness, fate: Mapping[str, str]) -> None:
    for lead_id, what in fate.items():
        appointment_id = AppointmentId(f"appt-{lead_id}")
        known = harness.ghl.appointments[appointment_id]
        match what:
            case "moved":
                known = replace(known, starts_at=known.starts_at + timedelta(days=1))
            case "canceled":
                known = replace(known, status=AppointmentStatus.CANCELED, canceled_at=START)
            case "showed":
                known = replace(known, status=AppointmentStatus.SHOWED)
        harness.ghl.appointments[appointment_id] = known


async def backfill_result(
    template: Path, fate: Mapping[str, str], touched: frozenset[str], *, planning: Any, applying: Any
) -> tuple[dict[str, list[tuple[Any, ...]]], set[str], dict[str, Any]]:
    """Return what a backfill leaves: the customer's rows, who was left alone, and what the ledger counts."""
    with tempfile.TemporaryDirectory() as folder:
        async with open_harness(stores.sqlite_copy(template, Path(folder))) as harness:
            await harness.fill([LEADS] * WORKSPACES)
            await live(harness, fate)
            first = Saboteur(list(planning))
            plan, _ = await until_done(lambda: Backfilling(harness, batch=2, wrap=first.over).plan())
            database = Database(harness.url)
            for lead_id in touched:
                statement = text("UPDATE lead SET status = 'customer' WHERE id = :id")
                await database.change(statement, {"id": lead_id})
            await database.close()
            harness.policy = replace(harness.policy, breaker=replace(harness.policy.breaker, is_enforced=False))
            second = Saboteur(list(applying))
            done, _ = await until_done(lambda: Backfilling(harness, batch=2, wrap=second.over).apply())
            assert done.applied_at is not None
            tables = await harness.dump()
            left_alone = await Backfilling(harness).listed(ItemState.DRIFTED)
            facts = {name: tables[name] for name in ("lead", "appointment")}
            effects = {"reconcile_outbox": [row[:5] for row in tables["reconcile_outbox"]]}
            counted = {"changes": len(tables["reconcile_change"]), "outcomes": plan.summary["outcomes"]}
            return facts | effects, set(left_alone), counted


@samples.WHOLE
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(fate=worlds, touched=st.frozensets(st.sampled_from(IDS), max_size=3), planning=cuts, applying=cuts)
async def test_after_a_crash_at_any_point_the_result_is_the_same(
    sqlite_template: Path, fate: dict[str, str], touched: frozenset[str], planning: Any, applying: Any
) -> None:
    undisturbed = await backfill_result(sqlite_template, fate, touched, planning=(), applying=())
    cut_off = await backfill_result(sqlite_template, fate, touched, planning=planning, applying=applying)

    assert cut_off == undisturbed
    assert undisturbed[1] == touched
