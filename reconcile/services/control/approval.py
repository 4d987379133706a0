"""Lets a kind of change that runs hold back pass for a time."""

from dataclasses import replace
from datetime import datetime, timedelta

from reconcile.domain.run.change_hold import ChangeHold
from reconcile.ports import ChangeHolds


async def approve_changes(  # noqa: PLR0913 - the words of one command
    digest: str, *, lasts: timedelta, actor: str, reason: str | None, stored: ChangeHolds, now: datetime
) -> ChangeHold | None:
    """Approve the hold with this hash; None where there is none in force."""
    for each in await stored.load():
        if each.hash == digest and (each.is_in_force(now) or each.is_approved(now)):
            approved = replace(each, approved_until=now + lasts, approved_by=actor, reason=reason)
            await stored.approve(digest, until=now + lasts, actor=actor, reason=reason)
            return approved
    return None
