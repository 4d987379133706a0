"""An appointment that a unique key of the customer's refuses: its lead's failure, seen from run, report and explain."""

from datetime import timedelta

from sqlalchemy import text

from reconcile.domain.due import DuePolicy, NotDue
from reconcile.domain.ids import LeadId
from reconcile.domain.planning.change import Answer
from reconcile.store.db.database import Database
from tests.domain.factories import an_appointment
from tests.services.fakes import START, a_workspace
from tests.services.run_harness import RunHarness, unbooked
from tests.use_cases import RunPolicy, explain_lead

TAKEN, FREE = (LeadId(f"ws-0-lead-{n}") for n in (0, 1))


async def test_a_lead_with_a_refused_key_fails_with_the_keys_name_until_it_is_quarantined(harness: RunHarness) -> None:
    other = an_appointment("shared", starts_at=START + timedelta(days=3))
    leads = [unbooked(TAKEN, "ws-0"), unbooked(FREE, "ws-0"), unbooked("far", "ws-1", appointments=(other,))]
    await harness.seed([a_workspace("ws-0"), a_workspace("ws-1")], leads)
    database = Database(harness.url)
    await database.change(text("CREATE UNIQUE INDEX one_each ON appointment (appointment_id)"))
    await database.close()
    harness.ghl.verdicts = {
        TAKEN: Answer(appointments=(other,)),
        FREE: Answer(appointments=(an_appointment("free", starts_at=START + timedelta(days=3)),)),
    }

    first = await harness.run(workspace="ws-0", then=timedelta(hours=7))
    later = [await harness.run(workspace="ws-0", then=timedelta(hours=7)) for _ in range(9)]
    story = await explain_lead(
        TAKEN, store=harness.store, now=harness.clock.now(), policy=DuePolicy(), breaker=RunPolicy().breaker
    )

    assert (first.errors, first.booked_found, first.deferred) == (1, 1, 0)
    (signature,) = first.top_signatures
    assert "refused_write: the database refuses a value" in signature.key
    assert "shared" not in signature.key
    assert signature.key.endswith(
        "at appointment.appointment_id" if harness.url.startswith("sqlite") else "(23505) at appointment/one_each"
    )
    assert [each.errors for each in later] == [1] * 9
    assert (first.quarantined, later[-1].quarantined) == (0, 1)
    assert (story.verdict, story.state.failure_count) == (NotDue.QUARANTINED, 10)
    assert signature.key.partition("refused_write: ")[2] in story.why
