"""The effect of one command by annotation: a breaker's override or a lower cadence, and its end."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from reconcile.domain.breaker.breaker import BreakerPolicy, Override, OverrideKind
from reconcile.domain.coordination.annotation import Misunderstood, OrderText, OrderWord
from reconcile.domain.formatting import span
from reconcile.domain.run.cadence import CadenceOverride, CadenceSource
from reconcile.domain.run.change_hold import APPROVAL, LONGEST_APPROVAL
from reconcile.errors import RequestError
from reconcile.ports import Announcement, AppliedAnnotation, Store
from reconcile.services.control.annotation_memory import order_of, split_key
from reconcile.services.control.approval import approve_changes
from reconcile.services.control.breaker_overrides import HOLD, Order, Verb, act, breaker_key, lift, note
from reconcile.services.control.cadence import lower

_VERBS = {OrderWord.HOLD: Verb.HOLD, OrderWord.RESET: Verb.RESET, OrderWord.TRIP: Verb.TRIP}
_OVERRIDES = {OrderWord.HOLD: OverrideKind.HOLD_OPEN, OrderWord.RESET: OverrideKind.HOLD_CLOSED}
_ENDED = {
    OrderWord.HOLD: "HoldEnded",
    OrderWord.RESET: "ResetEnded",
    OrderWord.CADENCE: "CadenceRestored",
    OrderWord.APPROVE: "ApprovalEnded",
}
"""The reason of the Event that reports the end of an effect."""


@dataclass(frozen=True, slots=True)
class AnnotationEffects:
    """Applies commands to the store at one time, and ends their effects."""

    store: Store
    now: datetime
    policy: BreakerPolicy

    async def apply(
        self, row: AppliedAnnotation, text: OrderText | Misunderstood
    ) -> tuple[AppliedAnnotation, Announcement]:
        """Apply one annotation; return its row, with the fault or the end of its effect, and the Event."""
        if isinstance(text, Misunderstood):
            row = replace(row, fault=text.fault)
            return row, Announcement(reason="OrderNotUnderstood", text=sentence(row), is_warning=True)
        try:
            until = await self._execute(text)
        except RequestError as error:
            return refuse(row, str(error))
        end = f" until {until:%Y-%m-%dT%H:%M:%SZ}" if until else ""
        announcement = Announcement(reason="OrderObeyed", text=f"the annotation {row.key} was applied{end}")
        return replace(row, until=until), announcement

    async def _execute(self, text: OrderText) -> datetime | None:
        """Return when the effect expires; RequestError says why the command cannot be applied."""
        now = self.now
        lasts = text.until - now if text.until else text.lasts
        if lasts is not None and lasts <= timedelta(0):
            raise RequestError("its until is in the past")
        if text.word is OrderWord.CADENCE:
            override = CadenceOverride(
                every=text.every or timedelta(0),
                reason=text.reason,
                actor=text.actor,
                set_at=now,
                expires_at=now + (lasts or timedelta(0)),
                source=CadenceSource.ANNOTATION,
            )
            await lower(override, store=self.store)
            return override.expires_at
        if text.word is OrderWord.APPROVE:
            return await self._approve(text, lasts or APPROVAL)
        verb = _VERBS[text.word]
        order = Order(verb=verb, key=breaker_key(text.breaker), reason=text.reason, actor=text.actor, lasts=lasts)
        await act(order, store=self.store, now=now, policy=self.policy)
        if verb is Verb.HOLD:
            return now + (lasts or HOLD)
        return now + lasts if lasts and verb is Verb.RESET else None

    async def _approve(self, text: OrderText, lasts: timedelta) -> datetime:
        reason, actor = note(text.reason, what="reason"), note(text.actor, what="actor")
        if lasts > LONGEST_APPROVAL:
            raise RequestError(f"its for is above {span(LONGEST_APPROVAL)}")
        stored = self.store.change_holds
        if (
            await approve_changes(text.hash, lasts=lasts, actor=actor, reason=reason, stored=stored, now=self.now)
            is None
        ):
            raise RequestError("no changes are held by that hash")
        return self.now + lasts

    async def end(self, row: AppliedAnnotation, *, how: str) -> Announcement | None:
        """End the effect of an annotation early; return None if it has none, or if another command has replaced it."""
        text = order_of(row)
        if text is None or row.until is None or not is_in_force(row, self.now):
            return None
        match text.word:
            case OrderWord.CADENCE:
                effect, has_ended = "override", await self._restore_cadence()
            case OrderWord.APPROVE:
                effect, has_ended = "approval", await self._withdraw_approval(text)
            case OrderWord.HOLD | OrderWord.RESET:
                effect, has_ended = text.word.value, await self._lift(text, until=row.until)
            case OrderWord.TRIP:
                return None
        if not has_ended:
            return None
        sentence = f"the annotation {row.key} was {how}, and so was its {effect}"
        return Announcement(reason=_ENDED[text.word], text=sentence)

    async def _restore_cadence(self) -> bool:
        lowered = await self.store.cadences.override()
        if lowered is None or lowered.source is not CadenceSource.ANNOTATION:
            return False
        await self.store.cadences.clear()
        return True

    async def _lift(self, text: OrderText, *, until: datetime) -> bool:
        override = Override(
            kind=_OVERRIDES[text.word],
            reason=note(text.reason, what="reason"),
            actor=note(text.actor, what="actor"),
            expires_at=until,
        )
        return await lift(override, breaker_key(text.breaker), store=self.store, now=self.now) is not None

    async def _withdraw_approval(self, text: OrderText) -> bool:
        reason, actor = note(text.reason, what="reason"), note(text.actor, what="actor")
        holds = self.store.change_holds
        found = [each for each in await holds.load() if each.hash == text.hash]
        if (actor, reason) not in {(each.approved_by, each.reason) for each in found}:
            return False
        await holds.approve(text.hash, until=self.now, actor=actor, reason=reason)
        return True


def refuse(row: AppliedAnnotation, why: str) -> tuple[AppliedAnnotation, Announcement]:
    """Return the row of an annotation that cannot be applied, and the Event."""
    refused = replace(row, fault=f"cannot be applied: {why}")
    return refused, Announcement(reason="OrderRefused", text=sentence(refused), is_warning=True)


def sentence(row: AppliedAnnotation) -> str:
    """Return the fault of an annotation as a clause about it."""
    source, key = split_key(row.key)
    return f"the annotation {key[:100]}{f' of {source[:200]}' if source else ''} {row.fault}"


def is_in_force(row: AppliedAnnotation, now: datetime) -> bool:
    """Return whether the annotation was applied and is in effect."""
    return row.fault is None and row.until is not None and row.until > now
