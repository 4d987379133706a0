"""What every ``Breakers`` promises."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from reconcile.domain.breaker.breaker import (
    RUN_KEY,
    Breaker,
    BreakerKey,
    BreakerPolicy,
    BreakerReason,
    BreakerScope,
    Override,
    OverrideKind,
    Trip,
)
from reconcile.ports import Store
from tests.stores import NOW, RUN

KEY = BreakerKey(BreakerScope.PROVIDER, "ghl/contact_search")
OPEN = Breaker(key=KEY).trip(
    NOW,
    Trip(
        reason=BreakerReason.CONTRACT_FAULT,
        checks=12,
        errors=3,
        fault="ghl/appointment/contract: GHL appointment response missing required ID field",
        run_id=RUN,
    ),
    policy=BreakerPolicy(),
)
HAND = Override(
    kind=OverrideKind.HOLD_OPEN, reason="vendor says wait", actor="ana", expires_at=NOW + timedelta(hours=1)
)


async def test_loading_an_unknown_breaker_returns_none(store: Store) -> None:
    assert await store.breakers.get(KEY) is None
    assert list(await store.breakers.load()) == []


async def test_all_fields_of_a_breaker_are_read_back(store: Store) -> None:
    whole = replace(OPEN, override=HAND, stage=1)

    assert await store.breakers.save(whole, expected_generation=0)
    assert await store.breakers.get(KEY) == whole
    assert list(await store.breakers.load()) == [whole]


async def test_a_first_save_does_not_replace_a_concurrent_one(store: Store) -> None:
    await store.breakers.save(OPEN, expected_generation=0)

    assert not await store.breakers.save(replace(OPEN, errors=99), expected_generation=0)
    assert await store.breakers.get(KEY) == OPEN


async def test_a_save_from_an_older_generation_is_refused(store: Store) -> None:
    await store.breakers.save(OPEN, expected_generation=0)
    probing = OPEN.begin_probe(NOW + timedelta(hours=1))

    assert await store.breakers.save(probing, expected_generation=OPEN.generation)
    assert not await store.breakers.save(replace(OPEN, generation=9), expected_generation=OPEN.generation)
    assert await store.breakers.get(KEY) == probing


async def test_one_of_many_concurrent_saves_wins(store: Store) -> None:
    await store.breakers.save(OPEN, expected_generation=0)
    rivals = [replace(OPEN, generation=OPEN.generation + 1, errors=n) for n in range(8)]
    won = await asyncio.gather(*(store.breakers.save(each, expected_generation=OPEN.generation) for each in rivals))

    assert sum(won) == 1
    assert await store.breakers.get(KEY) == rivals[won.index(True)]


async def test_a_breaker_that_has_just_closed_is_still_loaded(store: Store) -> None:
    closed = OPEN.close(NOW, reason=BreakerReason.RECOVERED)
    await store.breakers.save(closed, expected_generation=0)

    assert list(await store.breakers.load()) == [closed]


async def test_breakers_are_sorted_by_key(store: Store) -> None:
    keys = [BreakerKey(BreakerScope.WORKSPACE, "w2"), BreakerKey(BreakerScope.WORKSPACE, "w1"), RUN_KEY, KEY]
    for key in keys:
        await store.breakers.save(replace(OPEN, key=key), expected_generation=0)

    assert [each.key for each in await store.breakers.load()] == sorted(keys, key=lambda key: (key.scope, key.name))


async def test_characters_that_no_column_can_hold_are_replaced(store: Store) -> None:
    odd = replace(OPEN, fault="a\0b\ud800", override=replace(HAND, reason="x\0\udfff"))
    await store.breakers.save(odd, expected_generation=0)

    found = await store.breakers.get(KEY)
    assert found is not None
    assert found.override is not None
    assert (found.fault, found.override.reason) == ("a\N{REPLACEMENT CHARACTER}b?", "x\N{REPLACEMENT CHARACTER}?")
