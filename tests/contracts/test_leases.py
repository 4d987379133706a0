"""What every ``Leases`` promises."""

import asyncio
from datetime import timedelta

import pytest

from reconcile.domain.coordination.lease import Lease
from reconcile.errors import LeaseHeld, LeaseLost
from reconcile.ports import Store
from tests.stores import batch

LONG = timedelta(hours=1)
OVER = timedelta(0)
"""A lease of no duration has expired when it is given."""


async def test_a_free_lease_is_granted(store: Store) -> None:
    lease = await store.leases.acquire("run", holder="me", ttl=LONG)

    assert lease == Lease(name="run", holder="me", token=1)


async def test_a_held_lease_is_refused(store: Store) -> None:
    await store.leases.acquire("run", holder="me", ttl=LONG)

    with pytest.raises(LeaseHeld):
        await store.leases.acquire("run", holder="you", ttl=LONG)


async def test_a_held_lease_is_refused_to_its_own_holder(store: Store) -> None:
    """Two workers of one process would otherwise do the same work."""
    await store.leases.acquire("run", holder="me", ttl=LONG)

    with pytest.raises(LeaseHeld):
        await store.leases.acquire("run", holder="me", ttl=LONG)


async def test_an_expired_lease_is_granted_with_a_greater_token(store: Store) -> None:
    first = await store.leases.acquire("run", holder="me", ttl=OVER)
    second = await store.leases.acquire("run", holder="you", ttl=LONG)

    assert second.token > first.token


async def test_a_released_lease_is_granted_with_a_greater_token(store: Store) -> None:
    first = await store.leases.acquire("run", holder="me", ttl=LONG)
    await store.leases.release(first)
    second = await store.leases.acquire("run", holder="you", ttl=LONG)

    assert second.token > first.token


async def test_leases_are_independent(store: Store) -> None:
    await store.leases.acquire("workspace/w1", holder="me", ttl=LONG)
    other = await store.leases.acquire("workspace/w2", holder="you", ttl=LONG)

    assert other.holder == "you"


async def test_a_release_by_a_former_holder_changes_nothing(store: Store) -> None:
    former = await store.leases.acquire("run", holder="me", ttl=OVER)
    await store.leases.acquire("run", holder="you", ttl=LONG)
    await store.leases.release(former)

    assert (await store.leases.held())["run"].holder == "you"


async def test_holders_are_listed_with_their_expiry(store: Store) -> None:
    await store.leases.acquire("run", holder="me", ttl=LONG)
    await store.leases.acquire("other", holder="me", ttl=LONG * 2)
    held = await store.leases.held()

    assert {name: claim.holder for name, claim in held.items()} == {"other": "me", "run": "me"}
    assert abs(held["other"].expires_at - held["run"].expires_at - LONG) < timedelta(minutes=1)


async def test_free_expired_and_released_leases_are_not_listed(store: Store) -> None:
    await store.leases.acquire("expired", holder="me", ttl=OVER)
    await store.leases.release(await store.leases.acquire("released", holder="me", ttl=LONG))

    assert await store.leases.held() == {}


async def test_one_of_many_concurrent_claims_is_granted(store: Store) -> None:
    async def claim(holder: str) -> bool:
        try:
            await store.leases.acquire("run", holder=holder, ttl=LONG)
        except LeaseHeld:
            return False
        return True

    given = await asyncio.gather(*(claim(f"holder {n}") for n in range(12)))

    assert sum(given) == 1


async def test_a_batch_releases_the_given_leases(store: Store) -> None:
    kept, given_up = [await store.leases.acquire(name, holder="me", ttl=LONG) for name in ("run", "workspace/w1")]
    receipt = await store.leads.write(batch([], leases=[kept, given_up], gives_up=(given_up,)))

    assert receipt.gave_up == (given_up,)
    assert set(await store.leases.held()) == {"run"}


@pytest.mark.parametrize("lost", ["run", "workspace/w1"])
async def test_a_batch_under_a_lost_lease_writes_and_releases_nothing(store: Store, lost: str) -> None:
    held = {name: await store.leases.acquire(name, holder="me", ttl=LONG) for name in ("run", "workspace/w1")}
    await store.leases.release(held[lost])
    await store.leases.acquire(lost, holder="you", ttl=LONG)

    with pytest.raises(LeaseLost, match=f"^the lease {lost} has"):
        await store.leads.write(batch([], leases=list(held.values()), gives_up=(held["workspace/w1"],)))
    assert set(await store.leases.held()) == set(held)
    assert (await store.leases.held())[lost].holder == "you"
