"""How long a killed run keeps others out: no longer than one lease, whatever it held and whenever it died."""

from datetime import UTC, datetime, timedelta

from tests.use_cases import LEASE_MARGIN, Stop, TimeBudget

BUDGET = timedelta(seconds=50)


class Clock:
    """Its monotonic seconds are set by hand."""

    seconds = 1000.0

    def now(self) -> datetime:
        return datetime(2026, 3, 2, tzinfo=UTC)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, duration: timedelta) -> None:
        raise AssertionError(f"nothing waits {duration}")


def test_the_lease_of_a_workspace_ends_with_that_of_its_run() -> None:
    clock = Clock()
    time = TimeBudget(clock=clock, started=clock.monotonic(), length=BUDGET, stop=Stop())
    lengths = []
    for clock.seconds in (1000.0, 1040.0, 1050.0, 1070.0):
        lengths.append(time.lease_ttl)

    assert lengths == [BUDGET + LEASE_MARGIN, timedelta(seconds=20), LEASE_MARGIN, LEASE_MARGIN]
