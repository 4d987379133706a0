"""The fence: a transaction goes on only under leases that are held now, by this holder, with this token."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from reconcile.domain.coordination.lease import Lease
from reconcile.errors import LeaseLost
from reconcile.store.coordination.leases import Fence, SqlLeases
from reconcile.store.db.database import Database

LONG = timedelta(hours=1)
# Less and more than what is held, in each of its parts.
OTHERS = [
    {part: value}
    for part, values in {"name": ("workspace/w0", "workspace/w2"), "holder": ("a", "you"), "token": (0, 2)}.items()
    for value in values
]
differing = pytest.mark.parametrize("other", OTHERS, ids=str)


@pytest.fixture
async def database(migrated_url: str) -> AsyncIterator[Database]:
    """Give a database without rows."""
    opened = Database(migrated_url)
    yield opened
    await opened.close()


@pytest.fixture
def leases(database: Database) -> SqlLeases:
    return SqlLeases(database)


async def guard(database: Database, *leases: Lease) -> None:
    async with database.write_connection() as connection:
        await Fence(database.dialect).guard(connection, leases)


async def test_a_transaction_with_held_leases_continues(database: Database, leases: SqlLeases) -> None:
    held = [await leases.acquire(name, holder="me", ttl=LONG) for name in ("run", "workspace/w1")]

    await guard(database)
    await guard(database, *held)


@differing
async def test_a_claim_with_one_different_field_is_lost(database: Database, leases: SqlLeases, other) -> None:
    held = await leases.acquire("workspace/w1", holder="me", ttl=LONG)
    with pytest.raises(LeaseLost, match="has expired or was taken over"):
        await guard(database, replace(held, **other))

    await guard(database, held)


@differing
async def test_a_release_with_one_different_field_has_no_effect(leases: SqlLeases, other) -> None:
    held = await leases.acquire("workspace/w1", holder="me", ttl=LONG)
    await leases.release(replace(held, **other))

    assert set(await leases.held()) == {"workspace/w1"}


@pytest.mark.parametrize("lost", ["w1", "w2"])
async def test_each_claim_is_compared_with_its_own_row(database: Database, leases: SqlLeases, lost: str) -> None:
    held = [await leases.acquire(name, holder="me", ttl=LONG) for name in ("w1", "w2")]
    claims = [replace(each, token=0) if each.name == lost else each for each in held]

    with pytest.raises(LeaseLost, match=f"^the lease {lost} has"):
        await guard(database, *claims)


async def test_a_lost_claim_counts_although_another_on_the_name_is_held(database: Database, leases: SqlLeases) -> None:
    held = await leases.acquire("w1", holder="me", ttl=LONG)

    with pytest.raises(LeaseLost, match=r"^the lease w1 has"):
        await guard(database, held, replace(held, token=0))


async def test_a_lease_released_in_a_transaction_is_free_afterwards(database: Database, leases: SqlLeases) -> None:
    kept, given_up = [await leases.acquire(name, holder="me", ttl=LONG) for name in ("w1", "w2")]
    async with database.write_connection() as connection:
        await Fence(database.dialect).release(connection, [given_up])

    assert set(await leases.held()) == {kept.name}
    with pytest.raises(LeaseLost, match=r"^the lease w2 has"):
        async with database.write_connection() as connection:
            await Fence(database.dialect).release(connection, [kept, given_up])
    assert set(await leases.held()) == {kept.name}


async def test_an_expired_lease_is_lost_without_a_new_holder(database: Database, leases: SqlLeases) -> None:
    over = await leases.acquire("workspace/w1", holder="me", ttl=timedelta(0))
    given_up = await leases.acquire("workspace/w2", holder="me", ttl=LONG)
    await leases.release(given_up)

    for lost in (over, given_up):
        with pytest.raises(LeaseLost, match=f"^the lease {lost.name} has"):
            await guard(database, lost)


async def test_the_error_names_exactly_the_lost_leases(database: Database, leases: SqlLeases) -> None:
    run, one, two = [await leases.acquire(name, holder="me", ttl=LONG) for name in ("run", "w1", "w2")]
    for lost in (two, one):
        await leases.release(lost)

    with pytest.raises(LeaseLost, match=r"^the lease w1, w2 has"):
        await guard(database, two, run, one)
