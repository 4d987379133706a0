"""An order that was not carried out, or old rows that were not deleted, are not taken for done, and are done later."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import cast

import pytest

from reconcile.domain.breaker.breaker import BreakerPolicy, BreakerState
from reconcile.domain.coordination.annotation import PREFIX
from reconcile.errors import StoreUnavailable
from reconcile.ports import Ledger, Store
from tests.services.control.test_annotation_commands import GHL, HOLD
from tests.services.list_ports import MemoryPrunable
from tests.services.run_harness import Wrapped
from tests.services.stub_store import NOW, Stub
from tests.services.write_refusals import away
from tests.use_cases import AppliedCommands, apply_commands, prune

HELD = {f"{PREFIX}hold": HOLD}
CADENCE = {f"{PREFIX}cadence-override": "every=10m for=2h reason=quota actor=ada"}


async def obeyed(store: Store, annotations: Mapping[str, str], *, at: datetime = NOW) -> AppliedCommands:
    return await apply_commands(annotations, store=store, now=at, policy=BreakerPolicy())


@pytest.mark.parametrize(
    ("annotations", "port", "method", "is_carried_out"),
    [
        (HELD, "breakers", "save", False),
        (CADENCE, "cadences", "set", False),
        (HELD, "applied_annotations", "remember", True),
        (CADENCE, "applied_annotations", "remember", True),
    ],
    ids=["hold", "cadence", "hold not remembered", "cadence not remembered"],
)
async def test_a_command_that_was_not_applied_is_applied_later(
    annotations: Mapping[str, str], port: str, method: str, *, is_carried_out: bool
) -> None:
    """One that was carried out and not remembered is carried out again, which is the same."""
    stub = Stub()
    hindered = replace(stub.store(), **{port: Wrapped(getattr(stub.store(), port), **{method: away})})
    with pytest.raises(StoreUnavailable):
        await obeyed(hindered, annotations)
    after_failure = (bool(stub.breakers) or stub.cadences.stored is not None, dict(stub.orders.rows))

    later = await obeyed(stub.store(), annotations)
    again = await obeyed(stub.store(), annotations)

    assert after_failure == (is_carried_out, {})
    assert [each.reason for each in later.news] == ["OrderObeyed"]
    assert again.news == ()
    assert list(stub.orders.rows) == list(annotations)
    if annotations is HELD:
        assert stub.breakers[GHL].effective_state(NOW) is BreakerState.OPEN
    else:
        assert stub.cadences.stored is not None
        assert stub.cadences.stored.every == timedelta(minutes=10)


async def test_a_command_that_always_conflicts_is_not_stored_as_applied() -> None:
    stub = Stub(refusals=10)
    with pytest.raises(StoreUnavailable, match="10 times in a row"):
        await obeyed(stub.store(), HELD)

    assert stub.orders.rows == {}


@pytest.mark.parametrize(
    ("annotations", "port", "method"),
    [(HELD, "breakers", "save"), (CADENCE, "cadences", "clear")],
    ids=["hold", "cadence"],
)
async def test_the_row_of_a_hold_is_kept_until_the_hold_ends(
    annotations: Mapping[str, str], port: str, method: str
) -> None:
    stub = Stub()
    await obeyed(stub.store(), annotations)
    hindered = replace(stub.store(), **{port: Wrapped(getattr(stub.store(), port), **{method: away})})
    with pytest.raises(StoreUnavailable):
        await obeyed(hindered, {})
    remembered = list(stub.orders.rows)

    gone = await obeyed(stub.store(), {})

    assert remembered == list(annotations)
    assert len(gone.news) == 1
    assert stub.orders.rows == {}
    assert stub.cadences.stored is None
    assert all(each.effective_state(NOW) is BreakerState.CLOSED for each in stub.breakers.values())


@dataclass
class FailingPrunable(MemoryPrunable):
    """Goes away at the piece of that number."""

    fails_at: int = 1
    pieces: int = 0

    async def prune(self, *, before: datetime, limit: int) -> Mapping[str, int]:
        self.pieces += 1
        if self.pieces == self.fails_at:
            await away()
        return await super().prune(before=before, limit=limit)


@pytest.mark.parametrize("fails_at", [1, 2, 3, 4])
async def test_rows_that_a_prune_left_are_deleted_and_counted_by_the_next(fails_at: int) -> None:
    ledger = FailingPrunable({"run": 7}, fails_at=fails_at)
    with pytest.raises(StoreUnavailable):
        await prune(cast("Ledger", ledger), before=NOW, dry_run=False, piece=3)
    left = max(0, 7 - 3 * (fails_at - 1))

    assert ledger.left == {"run": left}
    assert (await prune(cast("Ledger", ledger), before=NOW, dry_run=False, piece=3)).rows == {"run": left}
