"""What the database saw of each write, and what must be true of that whatever happens: the end alone hides much."""

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from tests.integration.processes import Company
from tests.integration.test_processes_beside import AUDIT, audited, ledger

_HISTORY = """
CREATE TABLE history (id bigserial, xid bigint, change_of text, effect_of text, key text, cause text, intruder text);
CREATE FUNCTION of_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO history (xid, change_of) VALUES (txid_current(), NEW.lead_id);
    RETURN NEW;
END $$;
CREATE TRIGGER noted AFTER INSERT ON reconcile_change FOR EACH ROW EXECUTE FUNCTION of_change();
CREATE FUNCTION of_effect() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO history (xid, effect_of, key, cause)
    SELECT txid_current(), NEW.lead_id, NEW.key, concat_ws(' ', NEW.kind, NEW.lead_id, NEW.appointment_id,
        CASE NEW.kind WHEN 'open_cancellation_task' THEN l.booking_canceled_at ELSE l.booking_starts_at END,
        -- What we find called off and confirm again is another cause each time.
        (SELECT count(*) FROM audit a WHERE a.who = 'reconcile' AND a.lead_id = NEW.lead_id
            AND a.before->>'booking_status' IN ('canceled', 'rescheduled')
            AND a.after->>'booking_status' = 'confirmed'))
    FROM lead l WHERE l.id = NEW.lead_id;
    RETURN NEW;
END $$;
-- At the commit, when the lead's row has been audited: a statement may write the outbox first.
CREATE CONSTRAINT TRIGGER noted AFTER INSERT ON reconcile_outbox DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION of_effect();
CREATE FUNCTION of_batch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO history (intruder)
    SELECT NEW.run_id || ' wrote to ' || NEW.workspace_id WHERE NOT EXISTS (
        SELECT 1 FROM reconcile_lease WHERE name = 'workspace:' || NEW.workspace_id AND holder = NEW.run_id
        -- Or given back by this very statement; one that was taken away ran out a moment ago.
        AND (expires_at > now() OR expires_at = '1970-01-01Z')
    );
    RETURN NEW;
END $$;
CREATE TRIGGER noted AFTER INSERT ON reconcile_batch FOR EACH ROW EXECUTE FUNCTION of_batch();
"""
REPLACES_WHAT_WAS_SEEN = "a change replaces what it was planned from, and the ledger tells all of it"
ONE_WRITER = "who writes holds the workspace's lease"
TOGETHER = "a follow-up is committed with its change"
ONE_KEY = "the same cause has the same key"
ITS_OWN_KEY = "a delivery has its follow-up's key"
SAYS_THE_SAME = "a repeated delivery says the same"

_INTRUDERS = "SELECT intruder FROM history WHERE intruder IS NOT NULL"
_APART = """
SELECT e.key FROM history e WHERE e.effect_of IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM history c WHERE c.xid = e.xid AND c.change_of = e.effect_of
)
"""
_MANY_NAMES = """
SELECT cause FROM history WHERE effect_of IS NOT NULL GROUP BY cause HAVING count(*) > 1
"""


async def write_history(company: Company) -> None:
    """Let the database note from now on what is written, by whom, and in which transaction."""
    await company.database.execute(AUDIT)
    await company.database.execute(_HISTORY)


async def faults_of(company: Company) -> dict[str, Any]:
    """Return what is wrong with all that was written so far, by what it breaks; nothing where all is well."""
    async with company.database.transaction(isolation="repeatable_read"):
        told, seen = await ledger(company), await audited(company)
        known = set(await _column(company, "SELECT key FROM reconcile_outbox"))
        found: dict[str, Any] = {
            REPLACES_WHAT_WAS_SEEN: _differences(told, seen),
            ONE_WRITER: await _column(company, _INTRUDERS),
            TOGETHER: await _column(company, _APART),
            ONE_KEY: await _column(company, _MANY_NAMES),
        }
    bodies: defaultdict[str, set[bytes]] = defaultdict(set)
    for each in company.receiver.deliveries:
        bodies[each.key].add(each.body)
    found[ITS_OWN_KEY] = sorted(
        {each for each in bodies if each not in known or any(json.loads(body)["id"] != each for body in bodies[each])}
    )
    found[SAYS_THE_SAME] = sorted(key for key, said in bodies.items() if len(said) > 1)
    return {promise: what for promise, what in found.items() if what}


async def _column(company: Company, question: str) -> Sequence[str]:
    return [row[0] for row in await company.database.fetch(question)]


def _differences(told: dict[str, Any], seen: dict[str, Any]) -> dict[str, Any]:
    leads = sorted(told.keys() | seen.keys())
    return {each: (told.get(each), seen.get(each)) for each in leads if told.get(each) != seen.get(each)}
