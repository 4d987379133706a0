"""What an account's row says of a smaller limit, and how long that is believed."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from reconcile.domain.coordination.rate_limit import RateLimit
from reconcile.store.coordination.rate_limits import LEARNED_FOR, _account
from tests.stores import NOW

ASSUMED = RateLimit(interval=timedelta(seconds=1), burst=10)
HELD: dict[str, Any] = {"limit_interval_seconds": 2.0, "limit_burst": 4, "limit_until": NOW + LEARNED_FOR}


def limit(*, at: datetime = NOW, **facts: Any) -> RateLimit:
    row: Any = {"now": at, "arrival_at": NOW, **HELD, **facts}
    return _account(row).limit(ASSUMED)


def test_a_learned_limit_is_used_for_less_than_a_day() -> None:
    learned = RateLimit(interval=timedelta(seconds=2), burst=4)
    last = NOW + timedelta(days=1)

    assert limit() == limit(at=last - timedelta(microseconds=1)) == learned
    assert limit(at=last) == limit(at=last + timedelta(days=1)) == ASSUMED


@pytest.mark.parametrize("missing", HELD)
def test_an_incomplete_learned_limit_is_ignored(missing: str) -> None:
    facts: Any = {missing: None}

    assert limit(**facts) == ASSUMED


def test_the_more_restrictive_value_of_each_number_counts() -> None:
    assert limit(limit_interval_seconds=0.5) == RateLimit(interval=timedelta(seconds=1), burst=4)
    assert limit(limit_burst=99) == RateLimit(interval=timedelta(seconds=2), burst=10)
