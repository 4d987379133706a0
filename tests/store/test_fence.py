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


async def test_under_its_leases_a_transaction_goes_on(database: Database, leases: SqlLeases) -> None:
    held = [await leases.acquire(name, holder="me", ttl=LONG) for name in ("run", "workspace/w1")]

    await guard(database)
    await guard(database, *held)


@differing
async def test_a_claim_that_differs_in_one_thing_is_none(database: Database, leases: SqlLeases, other) -> None:
    held = await leases.acquire("workspace/w1", holder="me", ttl=LONG)
    with pytest.raises(LeaseLost, match="has expired or was taken over"):
        await guard(database, replace(held, **other))

    await guard(database, held)


@differing
async def test_a_release_that_differs_in_one_thing_gives_nothing_up(leases: SqlLeases, other) -> None:
    held = await leases.acquire("workspace/w1", holder="me", ttl=LONG)
    await leases.release(replace(held, **other))

    assert set(await leases.held()) == {"workspace/w1"}


@pytest.mark.parametrize("lost", ["w1", "w2"])
async def test_each_claim_is_judged_by_its_own_row(database: Database, leases: SqlLeases, lost: str) -> None:
    held = [await leases.acquire(name, holder="me", ttl=LONG) for name in ("w1", "w2")]
    claims = [replace(each, token=0) if each.name == lost else each for each in held]

    with pytest.raises(LeaseLost, match=f"^the lease {lost} has"):
        await guard(database, *claims)


async def test_of_two_claims_on_one_name_the_one_that_was_lost_counts(database: Database, leases: SqlLeases) -> None:
    held = await leases.acquire("w1", holder="me", ttl=LONG)

    with pytest.raises(LeaseLost, match=r"^the lease w1 has"):
        await guard(database, held, replace(held, token=0))


async def test_a_lease_that_is_given_up_with_a_transaction_is_free_behind_it(
    database: Database, leases: SqlLeases
) -> None:
    kept, given_up = [await leases.acquire(name, holder="me", ttl=LONG) for name in ("w1", "w2")]
    async with database.write_connection() as connection:
        await Fence(database.dialect).release(connection, [given_up])

    assert set(await leases.held()) == {kept.name}
    with pytest.raises(LeaseLost, match=r"^the lease w2 has"):
        async with database.write_connection() as connection:
            await Fence(database.dialect).release(connection, [kept, given_up])
    assert set(await leases.held()) == {kept.name}


async def test_a_lease_that_is_over_is_none_though_nobody_took_it(database: Database, leases: SqlLeases) -> None:
    over = await leases.acquire("workspace/w1", holder="me", ttl=timedelta(0))
    given_up = await leases.acquire("workspace/w2", holder="me", ttl=LONG)
    await leases.release(given_up)

    for lost in (over, given_up):
        with pytest.raises(LeaseLost, match=f"^the lease {lost.name} has"):
            await guard(database, lost)


async def test_all_that_are_lost_are_named_and_no_other(database: Database, leases: SqlLeases) -> None:
    run, one, two = [await leases.acquire(name, holder="me", ttl=LONG) for name in ("run", "w1", "w2")]
    for lost in (two, one):
        await leases.release(lost)

    with pytest.raises(LeaseLost, match=r"^the lease w1, w2 has"):
        await guard(database, two, run, one)
