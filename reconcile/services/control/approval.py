"""Approves a held kind of change for a limited time."""

from dataclasses import replace
from datetime import datetime, timedelta

from reconcile.domain.run.change_hold import ChangeHold
from reconcile.ports import ChangeHolds


async def approve_changes(  # noqa: PLR0913 - the options of one command
    digest: str, *, lasts: timedelta, actor: str, reason: str | None, stored: ChangeHolds, now: datetime
) -> ChangeHold | None:
    """Approve the hold with the hash *digest*; return None if no such hold is in force."""
    for each in await stored.load():
        if each.hash == digest and (each.is_in_force(now) or each.is_approved(now)):
            approved = replace(each, approved_until=now + lasts, approved_by=actor, reason=reason)
            await stored.approve(digest, until=now + lasts, actor=actor, reason=reason)
            return approved
    return None
