"""Every outcome moves ``attempted_at``, only the provider's word moves ``verified_at``, and all have their turn."""

import asyncio
import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconcile.domain.appointment import INCONCLUSIVE, AppointmentStatus
from reconcile.domain.breaker.breaker import BreakerPolicy
from reconcile.domain.ids import ProviderName
from reconcile.domain.lead import Lead, Rollup
from reconcile.domain.planning.change import Answer
from reconcile.domain.planning.outcome import Outcome, SkipReason
from reconcile.errors import ErrorClass
from tests import samples
from tests.domain.factories import an_appointment
from tests.services.fakes import START, Allowance, Verdict, a_workspace, failure
from tests.services.run_harness import RunHarness, booked, open_harness, unbooked
from tests.stores import sqlite_copy
from tests.use_cases import RunPolicy

CALENDLY_ID = "https://api.calendly.com/scheduled_events/EV{}/invitees/INV{}"
UNSTOPPED = RunPolicy(breaker=BreakerPolicy(is_enforced=False))
LATER = START + timedelta(days=5)
GHL, CALENDLY = ProviderName.HIGHLEVEL, ProviderName.CALENDLY


def by_id(number: int, provider: ProviderName) -> Lead:
    booking_id = f"booking-{number}" if provider is GHL else CALENDLY_ID.format(number, number)
    own = an_appointment(booking_id, provider=provider, starts_at=LATER)
    rollup = Rollup(booking_id=own.id, provider=provider, status=own.status, starts_at=own.starts_at)
    return replace(booked("any", "any"), appointments=(own,), rollup=rollup)


def by_contact(number: int, provider: ProviderName) -> Lead:
    return unbooked("any", "any", contact_id=f"contact-{number}")


def by_address(number: int, provider: ProviderName) -> Lead:
    return unbooked("any", "any", email=f"lead-{number}@example.com")


Path_ = Callable[[int, ProviderName], Lead]
PATHS: dict[ProviderName, list[Path_]] = {
    GHL: [by_id, by_contact, by_address],
    CALENDLY: [by_id, by_address],
}


def answered(status: AppointmentStatus, *, moved: bool = False) -> Callable[[Lead], Verdict]:
    """Say of the lead's own appointment, or of a new one, that it has this status."""

    def verdict(lead: Lead) -> Verdict:
        own = next(iter(lead.appointments), None) or an_appointment(f"new-{lead.id}", starts_at=LATER)
        starts_at = own.starts_at + timedelta(days=1) if moved else own.starts_at
        return Answer(appointments=(replace(own, status=status, starts_at=starts_at),))

    return verdict


def absent(lead: Lead) -> Verdict:
    return Answer(absent=frozenset(a.id for a in lead.appointments))


@dataclass(frozen=True)
class Case:
    """What a provider says of a lead, and whether that proves anything; *of_any*: also of one that holds a booking."""

    says: Callable[[Lead], Verdict]
    is_proof: bool
    of_any: bool = True


CASES: dict[str, Case] = {
    **{f"answers {s}": Case(answered(s), s not in INCONCLUSIVE) for s in AppointmentStatus},
    "answers another time": Case(answered(AppointmentStatus.CONFIRMED, moved=True), is_proof=True),
    "answers nothing": Case(lambda _: Answer(), is_proof=True, of_any=False),
    "says there is none": Case(absent, is_proof=True, of_any=False),
    **{f"skips: {r}": Case(lambda _, r=r: r, is_proof=False) for r in SkipReason},  # type: ignore[misc]
    **{f"fails: {k}": Case(lambda _, k=k: failure(k), is_proof=False) for k in ErrorClass},  # type: ignore[misc]
    "has a bug": Case(lambda _: ZeroDivisionError("a bug"), is_proof=False),
}


def every_case() -> Iterator[tuple[Lead, ProviderName, Case]]:
    numbers = itertools.count()
    for provider, paths in PATHS.items():
        for path, (name, case) in itertools.product(paths, CASES.items()):
            number = next(numbers)
            lead = replace(path(number, provider), id=f"{number:03}", workspace_id=f"ws-{number:03}")  # type: ignore[arg-type]
            yield lead, provider, case
            del name


async def test_every_outcome_moves_attempted_at_and_only_evidence_moves_verified_at(harness: RunHarness) -> None:
    harness.policy = UNSTOPPED
    cases = list(every_case())
    await harness.seed([a_workspace(lead.workspace_id, provider) for lead, provider, _ in cases], [c[0] for c in cases])
    for lead, provider, case in cases:
        harness.providers[provider].verdicts[lead.id] = case.says(lead)

    report = await harness.run(workspace_limit=1000)

    outcomes = {Outcome.BOOKED, Outcome.CANCELED, Outcome.RESCHEDULED, Outcome.UPDATED, Outcome.UNCHANGED}
    found = {o for row in await harness.store.ledger.batches(run_id=report.run_id, limit=1000) for o in row.counts}
    assert found == outcomes | {
        *(Outcome.ABSENT, Outcome.DISAPPEARED, Outcome.SKIPPED, Outcome.DEFERRED, Outcome.FAILED)
    }
    for lead, _, case in cases:
        state = await harness.state(lead.id)
        assert state.attempted_at is not None, lead
        is_verified = case.is_proof and (case.of_any or not lead.appointments)
        assert (state.verified_at is not None) == is_verified, (lead, case)


async def test_no_watermark_moves_back(harness: RunHarness) -> None:
    """Also where this run's machine is behind the last one's."""
    await harness.fill([2])
    await harness.run()
    before = await harness.state("ws-0-lead-000")
    harness.clock.at = START - timedelta(minutes=10)
    harness.policy = replace(UNSTOPPED, due=replace(UNSTOPPED.due, hot=-timedelta(days=1)))
    await harness.run()

    after = await harness.state("ws-0-lead-000")
    assert len(harness.ghl.asked) == 4
    assert (after.attempted_at, after.verified_at) == (before.attempted_at, before.verified_at)


def in_a_harness(template: Path, scene: Callable[[RunHarness], object]) -> None:
    """Play *scene* at a harness of its own: each example of a property needs an empty database."""

    async def play() -> None:
        with TemporaryDirectory() as folder:
            async with open_harness(sqlite_copy(template, Path(folder))) as harness:
                await scene(harness)  # type: ignore[misc]

    asyncio.run(play())


EXAMPLES = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@EXAMPLES
@given(count=st.integers(1, 7), limit=st.integers(1, 4), dead=st.sets(st.integers(0, 6), max_size=3))
def test_with_a_limit_every_workspace_has_its_turn(
    sqlite_template: Path, count: int, limit: int, dead: set[int]
) -> None:
    """Whatever their neighbours come to: within as many runs as it takes to go around once."""

    async def scene(harness: RunHarness) -> None:
        harness.policy = UNSTOPPED
        leads = await harness.fill([1] * count)
        for number in dead & set(range(count)):
            harness.ghl.verdicts[leads[number].id] = failure(ErrorClass.CREDENTIAL)

        for _ in range(math.ceil(count / limit)):
            report = await harness.run(workspace_limit=limit)
            assert report.workspaces_processed <= limit

        assert set(harness.ghl.asked) == {each.id for each in leads}

    in_a_harness(sqlite_template, scene)


@samples.WHOLE
@EXAMPLES
@given(
    count=st.integers(1, 12),
    limit=st.integers(1, 5),
    granted=st.integers(1, 5),
    verdicts=st.dictionaries(st.integers(0, 11), st.sampled_from(["fails", "is put off", "is skipped"]), max_size=6),
)
def test_with_limit_and_budget_every_lead_has_its_turn(
    sqlite_template: Path, count: int, limit: int, granted: int, verdicts: dict[int, str]
) -> None:
    """Also behind leads that fail each time, or that are put off each time."""
    says: dict[str, Verdict] = {
        "fails": failure(ErrorClass.REJECTED),
        "is put off": failure(ErrorClass.RATE_LIMITED),
        "is skipped": SkipReason.CONTACT_NOT_FOUND,
    }

    async def scene(harness: RunHarness) -> None:
        harness.policy = UNSTOPPED
        harness.store = replace(harness.store, budgets=Allowance(granted))
        leads = await harness.fill([count])
        for number, verdict in verdicts.items():
            if number < count:
                harness.ghl.verdicts[leads[number].id] = says[verdict]

        # A lead that is put off by the provider ends its batch, so each such lead may cost a run of its own.
        for _ in range(math.ceil(count / limit) * math.ceil(limit / granted) * 2 + count):
            await harness.run(leads_per_workspace=limit, then=timedelta(minutes=2))

        assert set(harness.ghl.asked) == {each.id for each in leads}

    in_a_harness(sqlite_template, scene)


@samples.cells(2)
@pytest.mark.parametrize("kind", [ErrorClass.REJECTED, ErrorClass.CONTRACT, ErrorClass.INTERNAL])
async def test_a_lead_that_always_fails_does_not_delay_the_others(harness: RunHarness, kind: ErrorClass) -> None:
    """The incident's second half: the failing leads stayed first in line."""
    leads = await harness.fill([10])
    poison = leads[0].id
    harness.ghl.verdicts[poison] = failure(kind)

    reports = [await harness.run(leads_per_workspace=2) for _ in range(5)]

    assert set(harness.ghl.asked) == {each.id for each in leads}
    assert sum(each.errors for each in reports) == 1
