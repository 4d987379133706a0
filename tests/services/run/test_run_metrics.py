"""The figures of a claim, as the ledger tells them."""

from dataclasses import replace
from datetime import timedelta

from reconcile.domain.ids import RunId
from reconcile.domain.verification.claim import Claim, Rate
from tests.services.run_harness import RunHarness
from tests.use_cases import document, ledger_figures

MINUTE = timedelta(minutes=1)


async def test_every_run_of_a_long_watch_is_counted(harness: RunHarness) -> None:
    """As many before the claim's instant as since, and the newest as well as the oldest."""
    one = await harness.run()
    began_at = harness.clock.now()
    for number in range(400):
        report = replace(one, run_id=RunId(f"tick-{number}"), timestamp=began_at + number * MINUTE, leads_checked=3)
        report = replace(report, errors=7 if number == 399 else 1)
        await harness.store.ledger.begin_run(
            report.run_id, started_at=report.timestamp, trigger="schedule", version="1"
        )
        await harness.store.ledger.finish_run(report, document(report))
    since = began_at + 200 * MINUTE
    claim = Claim(since=since, max_error_rate=Rate.parse("5/min"))
    seen = await ledger_figures(claim, store=harness.store, now=began_at + 400 * MINUTE)

    assert (seen.checks_before, seen.errors_before) == (600, 200)
    assert (seen.checks, seen.errors, seen.worst_errors) == (600, 206, 7)
