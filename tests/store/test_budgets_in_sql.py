"""What the store does to a meter in SQL is what the domain's meter does."""

from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from reconcile.domain.coordination.rate_limit import RateLimit, RateLimiter
from reconcile.ports import Usage
from reconcile.store.coordination.rate_limits import SqlBudgets
from reconcile.store.db.database import Database
from reconcile.store.schema.tables import budget
from tests.domain.factories import NOW

SLOW = RateLimit(interval=timedelta(hours=1), burst=12)
"""So slow that nothing comes back while a test lasts."""
LEARNED = RateLimit(interval=timedelta(hours=2), burst=5)
FRESH = RateLimiter(NOW)
NUMBERS = count(1)


@dataclass(frozen=True)
class Reserve:
    wanted: int
    share: float


@dataclass(frozen=True)
class Settle:
    unused: int
    usage: Usage


usages = st.builds(
    Usage,
    remaining=st.none() | st.integers(0, 14),
    limit=st.none() | st.none() | st.none() | st.just(LEARNED),
    not_before=st.none() | st.integers(0, 3).map(lambda hours: timedelta(hours=hours)),
)
steps = st.lists(
    st.builds(Reserve, wanted=st.integers(0, 14), share=st.sampled_from([1, 0.5]))
    | st.builds(Settle, unused=st.integers(-2, 6), usage=usages),
    max_size=8,
)


@dataclass(frozen=True)
class Model:
    """The domain's meter with what the store remembers beside it, at a time that stands still."""

    meter: RateLimiter = FRESH
    learned: RateLimit | None = None

    def limit(self) -> RateLimit:
        return LEARNED if self.learned else SLOW

    def reserve(self, step: Reserve) -> tuple["Model", tuple[int, int]]:
        meter, grant = self.meter.take(step.wanted, now=NOW, limit=self.limit().below(step.share))
        return replace(self, meter=meter), (grant.granted, grant.left)

    def settle(self, step: Settle) -> "Model":
        meter = self.meter.give_back(step.unused, limit=self.limit())
        changed = replace(self, learned=step.usage.limit or self.learned)
        if step.usage.remaining is not None:
            meter = meter.at_most(step.usage.remaining, now=NOW, limit=changed.limit())
        if step.usage.not_before is not None:
            meter = RateLimiter(max(meter.arrival_at, NOW + step.usage.not_before + changed.limit().debt(1)))
        return replace(changed, meter=meter)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(steps=steps)
async def test_sql_and_domain_agree(migrated_url: str, steps: list[Reserve | Settle]) -> None:
    key, model, database = f"ghl/{next(NUMBERS)}", Model(), Database(migrated_url)
    budgets = SqlBudgets(database)
    try:
        for step in steps:
            if isinstance(step, Reserve):
                model, expected = model.reserve(step)
                grant = await budgets.reserve(key, wanted=step.wanted, limit=SLOW, share=step.share)
                assert (grant.granted, grant.left) == expected
            else:
                model = model.settle(step)
                await budgets.settle(key, unused=step.unused, usage=step.usage, limit=SLOW)
    finally:
        await database.close()


async def test_usual_reservations_and_returns_are_one_statement_each(migrated_url: str) -> None:
    database = Database(migrated_url)
    budgets, sent = SqlBudgets(database), list[str]()
    event.listen(database.engine.sync_engine, "before_cursor_execute", lambda *given: sent.append(given[2]))
    try:
        await budgets.reserve("ghl/new", wanted=5, limit=SLOW)
        await budgets.settle("ghl/new", unused=3, usage=Usage(calls=2, remaining=8), limit=SLOW)
        await budgets.reserve("ghl/new", wanted=5, limit=SLOW)

        assert len([each for each in sent if budget.name in each]) == 3
    finally:
        await database.close()
