"""Too many changes of one kind are held until a person approves them, over one run as over many."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.ids import LeadId, RunId, WorkspaceId
from reconcile.domain.lead import Lead
from reconcile.domain.planning.change import Change
from reconcile.domain.planning.outcome import DeferReason, Outcome
from reconcile.domain.run.change_hold import WINDOW, RunCaps
from reconcile.domain.run.report import Health
from tests.domain.factories import a_lead
from tests.services.fakes import FakeClock, a_workspace
from tests.services.memory_ports import MemoryChangeHolds
from tests.services.run_harness import RunHarness, booked
from tests.use_cases import ChangeGuard, RunPolicy, approve_changes, document

CANCELED = AppointmentStatus.CANCELED
CAPS = RunCaps(changes=1000, percent=50, canceled_percent=10, least=20)
HOUR = timedelta(hours=1)


async def canceled_company(harness: RunHarness, count: int, *, of: int | None = None) -> list[Lead]:
    """Enter leads in one workspace; the provider has called off the bookings of the first *count*."""
    leads = [booked(f"lead-{n:03}", "ws-0") for n in range(of or count)]
    await harness.seed([a_workspace("ws-0")], leads)
    for number, each in enumerate(leads):
        (found,) = each.appointments
        if number < count:
            found = replace(found, status=CANCELED, canceled_at=harness.clock.now())
        harness.ghl.appointments[found.id] = found
    harness.policy = RunPolicy(caps=CAPS)
    return leads


async def canceled_here(harness: RunHarness, leads: Iterable[Lead]) -> int:
    return sum([(await harness.lead(each.id)).rollup.status is CANCELED for each in leads])


async def test_five_a_tick_are_held_as_soon_as_the_cap_is_reached(harness: RunHarness) -> None:
    """60 bookings are called off at once, and each run sees 5 of them."""
    leads = await canceled_company(harness, 60)

    reports = [await harness.run(leads_per_workspace=5) for _ in range(14)]

    assert [each.canceled_found for each in reports] == [5] * 4 + [0] * 10
    assert await canceled_here(harness, leads) == 20
    assert reports[4].defer_reasons == {DeferReason.HELD: 5}
    assert reports[4].health is Health.DEGRADED
    (hold,) = reports[-1].held_changes
    assert (hold.kind, hold.scope, hold.since) == (Outcome.CANCELED, "all", reports[4].held_changes[0].since)
    assert any(f"reconcile approve {hold.hash}" in reason for reason in reports[-1].health_reasons)
    assert document(reports[-1])["heldChanges"][0]["hash"] == hold.hash


async def test_a_hold_does_not_end_while_such_changes_are_planned(harness: RunHarness) -> None:
    leads = await canceled_company(harness, 60)

    for _ in range(5):
        await harness.run(leads_per_workspace=5)
    for _ in range(12):
        await harness.run(then=HOUR / 6, leads_per_workspace=5)

    assert await canceled_here(harness, leads) == 20


async def test_an_approval_lets_them_pass_for_a_time(harness: RunHarness) -> None:
    leads = await canceled_company(harness, 60)
    report = await harness.run(leads_per_workspace=50)
    (hold,) = report.held_changes
    holds = harness.store.change_holds

    assert await canceled_here(harness, leads) == 0
    assert await approve("0000", harness) is False
    assert await approve(hold.hash, harness) is True
    after = [await harness.run(leads_per_workspace=50) for _ in range(2)]

    assert await canceled_here(harness, leads) == 60
    assert [each.held_changes for each in after] == [(), ()]
    assert [each.approved_by for each in await holds.load()] == ["ada"]


async def approve(digest: str, harness: RunHarness) -> bool:
    now, holds = harness.clock.now(), harness.store.change_holds
    return await approve_changes(digest, lasts=HOUR, actor="ada", reason=None, stored=holds, now=now) is not None


async def test_a_hold_ends_when_no_such_change_is_planned_for_an_hour(harness: RunHarness) -> None:
    leads = await canceled_company(harness, 60)
    (hold,) = (await harness.run(leads_per_workspace=50)).held_changes
    for each in leads:  # the provider had been wrong
        harness.ghl.appointments |= {a.id: a for a in each.appointments}

    during = await harness.run(then=timedelta(minutes=61))
    later = await harness.run()

    assert [each.hash for each in during.held_changes] == [hold.hash]
    assert (later.held_changes, later.health) == ((), Health.HEALTHY)
    assert await approve(hold.hash, harness) is False


async def test_a_few_changes_and_a_small_share_are_written(harness: RunHarness) -> None:
    few = await canceled_company(harness, 20)

    await harness.run()

    assert await canceled_here(harness, few) == 20


async def test_the_share_is_of_the_leads_that_were_checked(harness: RunHarness) -> None:
    leads = await canceled_company(harness, 30, of=300)

    await harness.run(leads_per_workspace=300)

    assert await canceled_here(harness, leads) == 30


async def test_other_kinds_are_written_while_one_is_held(harness: RunHarness) -> None:
    leads = await canceled_company(harness, 40, of=50)
    for each in leads[40:]:
        (found,) = each.appointments
        harness.ghl.appointments[found.id] = replace(found, starts_at=found.starts_at + timedelta(days=1))

    report = await harness.run()

    assert (report.rescheduled, report.canceled_found, report.deferred) == (10, 0, 40)


async def test_times_that_are_all_shifted_alike_are_named(harness: RunHarness) -> None:
    leads = [booked(f"lead-{n:03}", "ws-0") for n in range(40)]
    await harness.seed([a_workspace("ws-0")], leads)
    for number, each in enumerate(leads):
        (found,) = each.appointments
        moved = timedelta(hours=2) if number < 37 else timedelta(hours=number)
        harness.ghl.appointments[found.id] = replace(found, starts_at=found.starts_at + moved)
    harness.policy = RunPolicy(caps=CAPS)

    report = await harness.run()

    assert report.rescheduled == 0
    assert any("37 of 40 moved by exactly +2 h" in each for each in report.health_reasons)


async def test_a_dry_run_lists_them_all_and_says_that_they_would_be_held(harness: RunHarness) -> None:
    await canceled_company(harness, 40)

    report = await harness.run(dry_run=True, whole_set=True)

    assert (report.canceled_found, report.deferred) == (40, 0)
    assert any(each.startswith("held: 40 of 40 checked leads") for each in report.health_reasons)
    assert await harness.store.change_holds.load() == []


async def test_a_run_of_one_workspace_is_held_by_what_all_have_written(harness: RunHarness) -> None:
    leads = await canceled_company(harness, 40)
    await harness.run(leads_per_workspace=20)

    report = await harness.run(workspace=WorkspaceId("ws-0"))

    assert await canceled_here(harness, leads) == 20
    assert [each.scope for each in report.held_changes] == ["ws-0"]


def canceled_change(number: int, kind: Outcome = Outcome.CANCELED) -> Change:
    lead = a_lead(LeadId(f"lead-{number}"))
    return Change(lead=lead, outcome=kind, rollup=lead.rollup, status=lead.status, contact_id=None)


BATCHES = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 12), st.integers(0, 12), st.integers(0, 30)), min_size=1, max_size=40
)


@given(
    batches=BATCHES,
    caps=st.builds(
        RunCaps,
        changes=st.integers(0, 60),
        percent=st.just(50.0),
        canceled_percent=st.sampled_from([0.0, 10.0, 100.0]),
        least=st.integers(0, 25),
    ),
)
async def test_what_is_written_without_approval_never_exceeds_the_cap(
    batches: list[tuple[int, int, int, int]], caps: RunCaps
) -> None:
    """Batches over several runs within one hour; each starts a new run where its first number is 0."""
    clock, stored = FakeClock(), MemoryChangeHolds()
    checked: Counter[WorkspaceId] = Counter()
    written: Counter[Outcome] = Counter()
    guard: ChangeGuard | None = None
    for start, canceled, booked_count, more in batches:
        if guard is None or start == 0:
            if guard is not None:
                await guard.settle()
            clock.advance(timedelta(minutes=1))
            stored.changed = Counter(written)
            stored.checked = dict(checked)
            guard = ChangeGuard(caps, stored=stored, clock=clock, run_id=RunId("run"), scope="all", is_applied=True)
        workspace = WorkspaceId(f"ws-{start}")
        changes = [canceled_change(n) for n in range(canceled)]
        changes += [canceled_change(n, Outcome.BOOKED) for n in range(booked_count)]
        held = await guard.withhold(changes, workspace_id=workspace, checked=len(changes) + more)
        checked[workspace] += len(changes) + more
        written.update(each.kind for each in changes if each.kind not in held)
        for kind, count in written.items():
            assert count <= caps.allowed(kind, checked=sum(checked.values()))


@pytest.mark.parametrize(("written", "held"), [(0, False), (15, True)])
async def test_without_a_finished_run_before_what_it_wrote_counts(written: int, held: bool) -> None:
    """The ledger has the changes of a run that was killed; its report is missing."""
    stored = MemoryChangeHolds(changed=Counter({Outcome.CANCELED: written}))
    guard = ChangeGuard(CAPS, stored=stored, clock=FakeClock(), run_id=RunId("run"), scope="all", is_applied=True)

    found = await guard.withhold([canceled_change(n) for n in range(10)], workspace_id=WorkspaceId("ws-0"), checked=10)

    assert (found == {Outcome.CANCELED}) is held


def test_the_window_is_what_the_documents_say() -> None:
    assert HOUR == WINDOW
