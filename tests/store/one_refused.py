"""A workspace of 22 leads, all booked in one batch, and ways to let the database refuse one of them."""

from collections.abc import Sequence
from typing import Any

from reconcile.domain.ids import LeadId
from reconcile.domain.lead import Lead
from reconcile.domain.planning.outcome import ErrorSignature
from reconcile.errors import ErrorClass
from reconcile.ports import LeadWrite, Store
from reconcile.store.leads.seed import seed
from tests.store.schemas import Customer
from tests.stores import DEFAULT, NOW, POLICY, W1, appointment, booking, lead, lead_write, workspace

COUNT = 22
BAD = LeadId("l07")
BAD_PLACE = int(BAD[1:])
SEEN = ErrorSignature(provider="ghl", operation="appointment", error_class=ErrorClass.REFUSED_WRITE, message="")


async def filled(url: str) -> Customer:
    """Return a database with a workspace of 22 leads."""
    leads = [lead(f"l{n:02}") for n in range(COUNT)]
    await seed(url, mapping=DEFAULT, workspaces=[workspace()], leads=leads)
    return Customer(url, DEFAULT)


async def all_leads(store: Store) -> Sequence[Lead]:
    return sorted(await store.leads.due_leads(W1, now=NOW, policy=POLICY, limit=99), key=lambda each: each.id)


def booked(leads: Sequence[Lead], **facts: Any) -> list[LeadWrite]:
    return [
        lead_write(
            each,
            change=booking(each, appointment(f"A-{each.id}"), **{"contact_id": f"C-{each.id}", **facts}),
            signature_if_refused=SEEN,
        )
        for each in leads
    ]


async def without_booking(store: Store) -> list[str]:
    found = [await store.leads.lead(lead(f"l{n:02}").id) for n in range(COUNT)]
    return [each.id for each in found if each is not None and each.rollup.booking_id is None]


def is_sqlite(database: Customer) -> bool:
    return database.url.startswith("sqlite")


async def refuse(database: Customer, action: str, *, table: str = "lead", key: str = "id") -> None:
    """Let a trigger of the customer's refuse one lead, in PostgreSQL with *action*."""
    for verb in ("UPDATE", "INSERT") if table == "appointment" else ("UPDATE",):
        name = f"closed_{verb.lower()}"
        if is_sqlite(database):
            body = f"BEGIN SELECT {action}; END"
            await database.execute(f"CREATE TRIGGER {name} BEFORE {verb} ON {table} WHEN NEW.{key} = '{BAD}' {body}")
            continue
        body = f"BEGIN IF NEW.{key} = '{BAD}' THEN {action}; END IF; RETURN NEW; END"
        await database.execute(f"CREATE OR REPLACE FUNCTION closed() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$")
        await database.execute(f"CREATE TRIGGER {name} BEFORE {verb} ON {table} FOR EACH ROW EXECUTE FUNCTION closed()")
