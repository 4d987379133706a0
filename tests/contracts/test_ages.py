"""What every ``Leads`` promises of the age of the truth, workspace by workspace, and of the meetings at risk."""

from collections.abc import Sequence
from datetime import timedelta

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.lead import Lead, Rollup
from reconcile.domain.run.verification_ages import Ages
from reconcile.ports import Store
from reconcile.store.leads.seed import seed
from tests.stores import DEFAULT, NOW, POLICY, W1, W2, W3, batch, lead, lead_write, state, workspace

HOUR = timedelta(hours=1)


def booked(name: str, workspace_id: str, *, meets_in: timedelta = timedelta(days=3)) -> Lead:
    rollup = Rollup(booking_id=f"A-{name}", status=AppointmentStatus.CONFIRMED, starts_at=NOW + meets_in)
    return lead(name, workspace_id=workspace_id, rollup=rollup)


async def verified(store: Store, leads: Sequence[Lead], *, ago: timedelta) -> None:
    seen = state(attempted_at=NOW, verified_at=NOW - ago)
    await store.leads.write(batch([lead_write(each, state=seen) for each in leads]))


async def test_bookings_are_counted_by_age_with_the_worst_workspace_first(store: Store, migrated_url: str) -> None:
    fresh, today, older = ([booked(f"{w}-{n}", w) for n in range(3)] for w in (W1, W2, W3))
    unbooked = lead("nothing", workspace_id=W1)
    leads = [*fresh, *today, *older, unbooked]
    await seed(migrated_url, mapping=DEFAULT, workspaces=[workspace(w) for w in (W1, W2, W3)], leads=leads)
    await verified(store, fresh, ago=HOUR / 2)
    await verified(store, today[:2], ago=HOUR * 5)
    await verified(store, today[2:], ago=timedelta(days=2))
    await verified(store, older[:1], ago=timedelta(days=8))
    found = await store.leads.ages(now=NOW, policy=POLICY, limit=2)

    assert [(each.workspace_id, each.counts) for each in found.worst] == [(W3, (0, 0, 0, 1, 2)), (W2, (0, 2, 1, 0, 0))]
    assert [each.oldest_at for each in found.worst] == [NOW - timedelta(days=8), NOW - timedelta(days=2)]
    assert (found.others, found.workspace_count) == ((3, 0, 0, 0, 0), 3)
    assert found.counts == (3, 2, 1, 1, 2)


async def test_an_age_on_the_boundary_counts_in_the_younger_group(store: Store, migrated_url: str) -> None:
    one = booked("edge", W1)
    await seed(migrated_url, mapping=DEFAULT, workspaces=[workspace(W1)], leads=[one])
    counts = []
    for ago in (timedelta(days=7), timedelta(days=1), HOUR):
        await verified(store, [one], ago=ago)
        counts.append((await store.leads.ages(now=NOW, policy=POLICY, limit=9)).counts)

    assert counts == [(0, 0, 1, 0, 0), (0, 1, 0, 0, 0), (1, 0, 0, 0, 0)]


async def test_ages_without_bookings_are_empty(store: Store) -> None:
    assert await store.leads.ages(now=NOW, policy=POLICY, limit=9) == Ages()
    assert list(await store.leads.at_risk(now=NOW, policy=POLICY, limit=9)) == []


async def test_meetings_at_risk_are_listed_soonest_first(store: Store, migrated_url: str) -> None:
    later, soon = booked("later", W1, meets_in=HOUR * 9), booked("soon", W2, meets_in=HOUR)
    sure, distant = booked("sure", W1, meets_in=HOUR * 2), booked("distant", W1, meets_in=HOUR * 30)
    await seed(
        migrated_url,
        mapping=DEFAULT,
        workspaces=[workspace(W1), workspace(W2)],
        leads=[later, soon, sure, distant],
    )
    await verified(store, [later], ago=HOUR * 2)
    await verified(store, [sure], ago=HOUR / 2)
    found = await store.leads.at_risk(now=NOW, policy=POLICY, limit=9)

    assert [each.id for each in found] == [soon.id, later.id]
    assert found[1].state.verified_at == NOW - HOUR * 2
    assert len(found) == await store.leads.at_risk_count(now=NOW, policy=POLICY)
    assert len(await store.leads.at_risk(now=NOW, policy=POLICY, limit=1)) == 1
    by_workspace = (await store.leads.ages(now=NOW, policy=POLICY, limit=9)).worst
    assert {each.workspace_id: each.at_risk for each in by_workspace} == {W1: 1, W2: 1}
