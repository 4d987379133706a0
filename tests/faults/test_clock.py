"""The machine's clock is wrong, or jumps: leases go by the database's, and no watermark moves back."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from reconcile import bootstrap
from reconcile.errors import LeaseHeld
from tests import samples
from tests.faults.company import TRY_LATER, Scene, run_here
from tests.integration.processes import Company
from tests.use_cases import LEASE_MARGIN

pytestmark = pytest.mark.integration

SKEWS = {
    "an hour behind": timedelta(hours=-1),
    "an hour ahead": timedelta(hours=1),
    "400 days behind": timedelta(days=-400),
    "400 days ahead": timedelta(days=400),
}
NEARLY = {"a little behind": timedelta(minutes=-4), "a little ahead": timedelta(minutes=4)}
_CLOCKS = "SELECT lead_id, attempted_at, verified_at FROM reconcile_lead_state ORDER BY lead_id"


class Skewed(bootstrap.SystemClock):
    """The machine's clock, wrong by *skew*; after so many looks it jumps by *jump* more."""

    skew = timedelta(0)
    jump = timedelta(0)
    looks_before_jump = 0

    def now(self) -> datetime:
        type(self).looks_before_jump -= 1
        jumped = self.jump if type(self).looks_before_jump < 0 else timedelta(0)
        return datetime.now(UTC) + self.skew + jumped


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[type[Skewed]]:
    monkeypatch.setattr(bootstrap, "SystemClock", Skewed)
    yield Skewed
    Skewed.skew = Skewed.jump = timedelta(0)


async def clocks(company: Company) -> dict[str, tuple[datetime | None, datetime | None]]:
    rows = await company.database.fetch(_CLOCKS)
    return {row["lead_id"]: (row["attempted_at"], row["verified_at"]) for row in rows}


@samples.cells(1)
@pytest.mark.parametrize("skew", SKEWS)
async def test_a_run_with_a_wrong_clock_writes_nothing(scene: Scene, clock: type[Skewed], skew: str) -> None:
    """A lead that were stamped with next year would not be due until then."""
    async with scene.company() as company:
        clock.skew = SKEWS[skew]
        told = await run_here(company)

        assert told.code == TRY_LATER
        assert await clocks(company) == {}
        clock.skew = timedelta(0)
        await scene.ends_well(company)


@samples.cells(1)
@pytest.mark.parametrize("skew", NEARLY)
async def test_a_machine_with_a_wrong_clock_moves_no_watermark_back_and_keeps_to_leases(
    scene: Scene, clock: type[Skewed], skew: str
) -> None:
    """Between runs of machines that are right; one of them holds a lease meanwhile."""
    async with scene.company() as company, bootstrap.open_database_url(company.url) as store:
        await run_here(company)
        # All are due again, also by a clock that is behind.
        await company.database.execute("UPDATE reconcile_lead_state SET attempted_at = now() - interval '1 hour'")
        right = await clocks(company)
        clock.skew = NEARLY[skew]
        held = await store.leases.acquire("run", holder="another", ttl=timedelta(minutes=5))
        refused = await run_here(company)
        await store.leases.release(held)
        wrong = await run_here(company)

        assert (refused.code, refused.report["stopped"], wrong.code) == (0, "lease_held", 0)
        assert wrong.report["leadsChecked"] == len(right)
        for lead, (attempted_at, verified_at) in (await clocks(company)).items():
            for before, after in zip(right[lead], (attempted_at, verified_at), strict=True):
                assert before is None or (after is not None and after >= before)
        clock.skew = timedelta(0)
        await company.database.execute("UPDATE reconcile_lead_state SET attempted_at = now() - interval '1 hour'")
        await scene.ends_well(company)


@samples.cells(1)
@pytest.mark.parametrize("jump", SKEWS)
async def test_a_clock_jump_neither_ends_nor_extends_a_lease(scene: Scene, clock: type[Skewed], jump: str) -> None:
    async with scene.company() as company, bootstrap.open_database_url(company.url) as store:
        clock.jump, clock.looks_before_jump = SKEWS[jump], 8
        told = await run_here(company)

        assert told.code == 0
        assert clock.looks_before_jump < 0, "it jumped amid the run"
        assert await company.held_leases() == []
        lease = await store.leases.acquire("run", holder="another", ttl=timedelta(seconds=30))
        with pytest.raises(LeaseHeld):
            await store.leases.acquire("run", holder="third", ttl=timedelta(seconds=30))
        lasts = await company.database.fetchval(
            "SELECT expires_at - clock_timestamp() FROM reconcile_lease WHERE name = 'run'"
        )
        assert timedelta(0) < lasts <= timedelta(seconds=30) + LEASE_MARGIN
        await store.leases.release(lease)
        clock.jump = timedelta(0)
        await company.database.execute("UPDATE reconcile_lead_state SET attempted_at = now() - interval '1 hour'")
        await scene.ends_well(company)
