"""An empty search verifies a lead without a booking only while nothing shows that the lists leave out what exists."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from reconcile.domain.ids import Operation
from reconcile.domain.lead import Lead
from reconcile.domain.planning.change import Answer
from reconcile.domain.run.report import Health, RunReport
from reconcile.errors import ErrorClass
from reconcile.providers.ghl.parsing import ContactAppointments, read_contact_appointments
from reconcile.simulator import Fault, FaultKind, Scenario, WorldSize
from tests.evidence.test_absence import SQLITE, rest
from tests.integration.simulated_company import start_company
from tests.services.fakes import Allowance, a_workspace, failure
from tests.services.run_harness import RunHarness, unbooked
from tests.substitution import substitute_in_test

LISTED = frozenset({Operation.CONTACT_APPOINTMENTS})
FAILED = "control failed: ghl/contact_appointments was answered without"


async def enter_searched(harness: RunHarness, workspace_id: str, count: int = 1) -> list[Lead]:
    """Enter leads without a booking, of whom the provider has nothing."""
    leads = [unbooked(f"{workspace_id}-new-{n}", workspace_id) for n in range(count)]
    await harness.seed([], leads)
    harness.ghl.verdicts |= {each.id: Answer() for each in leads}
    return leads


def told(report: RunReport) -> list[str]:
    return [each for each in report.health_reasons if each.startswith("control failed")]


async def verified(harness: RunHarness, leads: Sequence[Lead]) -> list[bool]:
    return [(await harness.state(each.id)).verified_at is not None for each in leads]


@pytest.mark.parametrize("counts", [(1,), (3, 1)], ids=str)
@pytest.mark.parametrize("hides", [True, False])
async def test_a_known_booking_that_the_lists_leave_out_makes_empty_searches_worth_nothing(
    harness: RunHarness, counts: tuple[int, ...], hides: bool
) -> None:
    """Every list is answered empty with 200, each booking is found by its id, and nobody fails."""
    booked = await harness.fill(counts)
    new = [lead for n in range(len(counts)) for lead in await enter_searched(harness, f"ws-{n}")]
    harness.ghl.unlisted = {each.appointments[0].id for each in booked} if hides else set()

    report = await harness.run()

    assert report.errors == 0
    assert await verified(harness, new) == [not hides] * len(new)
    assert await verified(harness, booked) == [True] * len(booked)
    assert (report.health is Health.UNHEALTHY) is hides
    assert [each.startswith(FAILED) for each in told(report)] == [True] * hides
    reasons = {(await harness.state(each.id)).reason for each in new}
    assert reasons == {"control_failed" if hides else None}


@SQLITE
async def test_the_known_booking_may_be_of_a_lead_that_is_not_due(harness: RunHarness) -> None:
    (known,) = await harness.fill([1])
    await harness.run()
    await rest(harness, known)
    before = await harness.state(known.id)
    (new,) = await enter_searched(harness, "ws-0")
    harness.ghl.unlisted = {known.appointments[0].id}

    report = await harness.run()

    assert told(report) == [f"{FAILED} a known booking that has to be in it (workspaces: ws-0)"]
    assert await verified(harness, [new]) == [False]
    assert await harness.state(known.id) == before


@SQLITE
async def test_without_a_known_booking_a_complete_search_is_all_there_is(harness: RunHarness) -> None:
    await harness.seed([a_workspace("ws-0")], [])
    (new,) = await enter_searched(harness, "ws-0")

    report = await harness.run()

    assert (told(report), harness.ghl.asked) == ([], [new.id])
    assert await verified(harness, [new]) == [True]


@SQLITE
async def test_without_any_sound_list_one_workspaces_control_counts_for_all(harness: RunHarness) -> None:
    """The second workspace, whose turn is later, has no booking that could be looked for."""
    (known,) = await harness.fill({"ws-a": 1})
    await harness.seed([a_workspace("ws-b")], [])
    new = [*await enter_searched(harness, "ws-a"), *await enter_searched(harness, "ws-b")]
    harness.ghl.unlisted = {known.appointments[0].id}
    harness.policy = replace(harness.policy, workspace_concurrency=1)

    await harness.run()

    assert await verified(harness, new) == [False, False]


@SQLITE
@pytest.mark.parametrize(("share", "is_checked"), [(0.0, False), (1.0, True)])
async def test_with_sound_lists_elsewhere_a_share_of_the_workspaces_is_checked(
    harness: RunHarness, share: float, is_checked: bool
) -> None:
    shown, known = await harness.fill({"ws-a": 1, "ws-b": 1})
    harness.ghl.verdicts[shown.id] = Answer(appointments=shown.appointments, returned=LISTED)
    new = [*await enter_searched(harness, "ws-a"), *await enter_searched(harness, "ws-b")]
    harness.ghl.unlisted = {known.appointments[0].id}
    harness.policy = replace(harness.policy, workspace_concurrency=1, list_sample_share=share)

    report = await harness.run()

    assert await verified(harness, new) == [True, not is_checked]
    assert (f"{FAILED} a known booking that has to be in it (workspaces: ws-b)" in told(report)) is is_checked


@SQLITE
@pytest.mark.parametrize("error_class", [ErrorClass.TIMEOUT, ErrorClass.RATE_LIMITED])
async def test_a_control_with_an_error_proves_nothing(harness: RunHarness, error_class: ErrorClass) -> None:
    (known,) = await harness.fill([1])
    await harness.run()
    await rest(harness, known)
    harness.ghl.verdicts[known.id] = failure(error_class)
    (new,) = await enter_searched(harness, "ws-0")

    report = await harness.run()

    assert (told(report), report.errors) == ([], 0)
    assert await verified(harness, [new]) == [True]


@SQLITE
async def test_a_bug_in_a_control_ends_neither_run_nor_batch(harness: RunHarness) -> None:
    (known,) = await harness.fill([1])
    await harness.run()
    await rest(harness, known)
    harness.ghl.verdicts[known.id] = KeyError("a bug")
    (new,) = await enter_searched(harness, "ws-0")

    await harness.run()

    assert (await harness.state(new.id)).attempted_at is not None


@SQLITE
async def test_no_control_exceeds_the_accounts_budget(harness: RunHarness) -> None:
    (known,) = await harness.fill([1])
    await harness.run()
    await rest(harness, known)
    (new,) = await enter_searched(harness, "ws-0")
    harness.store = replace(harness.store, budgets=Allowance(each_time=2))
    harness.ghl.asked.clear()

    await harness.run()

    assert harness.ghl.asked == [new.id]


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("hides", ["all", "nothing"])
async def test_lists_of_both_providers_that_are_empty_make_the_next_run_unhealthy(
    migrated_url: str, hides: str
) -> None:
    """Through the real adapters, in front of the simulator."""
    size = WorldSize(workspaces=4, leads_per_workspace=6)
    async with start_company(
        migrated_url, seed=5, size=size, mix={Scenario.CONFIRMED: 1, Scenario.UNBOOKED: 1}
    ) as company:
        company.sweeps = False
        company.simulator.faults.add(Fault(kind=FaultKind.LIST_HIDES, value=hides))

        report = await company.tick(then=timedelta(minutes=1))

        found = {each.split(" ")[2] for each in told(report)}
        wrong = [each for each in (await company.leads()).values() if not each.rollup.booking_id]
        assert report.errors == 0
        assert found == ({"ghl/contact_appointments", "calendly/scheduled_events"} if hides == "all" else set())
        assert (report.health is Health.UNHEALTHY) is (hides == "all")
        assert wrong
        assert not any(each.state.verified_at for each in wrong if hides == "all")


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True)
async def test_a_parser_that_reads_no_record_of_a_sound_list_makes_the_next_run_unhealthy(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A provider renamed the list in its envelope, say, and a careless mend reads an empty one: no call fails."""
    substitute_in_test(
        monkeypatch, read_contact_appointments, lambda *_, **__: ContactAppointments(records=(), faults=())
    )
    size = WorldSize(workspaces=4, leads_per_workspace=6, calendly_share=0.0)
    async with start_company(
        migrated_url, seed=5, size=size, mix={Scenario.CONFIRMED: 1, Scenario.UNBOOKED: 1}
    ) as company:
        company.sweeps = False

        report = await company.tick(then=timedelta(minutes=1))

        unbooked = [each for each in (await company.leads()).values() if not each.rollup.booking_id]
        assert (report.errors, report.health) == (0, Health.UNHEALTHY)
        assert {each.split(" ")[2] for each in told(report)} == {"ghl/contact_appointments"}
        assert unbooked
        assert not any(each.state.verified_at for each in unbooked)
