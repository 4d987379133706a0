"""Applies operators' annotations: each once, and every invalid one is reported."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from reconcile.domain.breaker.breaker import BreakerPolicy
from reconcile.domain.coordination.annotation import PREFIX, Misunderstood, OrderText, OrderWord, read_orders
from reconcile.domain.formatting import span
from reconcile.domain.run.cadence import CadenceOverride, CadenceSource
from reconcile.domain.run.change_hold import APPROVAL, LONGEST_APPROVAL
from reconcile.errors import RequestError
from reconcile.ports import Announcement, AppliedAnnotation, Store
from reconcile.services.control.annotation_memory import AnnotationMemory, split_key
from reconcile.services.control.approval import approve_changes
from reconcile.services.control.breaker_overrides import HOLD, Order, Verb, act, breaker_key, lift, note
from reconcile.services.control.cadence import lower
from reconcile.services.control.other_releases import contrary_order

_VERBS = {OrderWord.HOLD: Verb.HOLD, OrderWord.RESET: Verb.RESET, OrderWord.TRIP: Verb.TRIP}


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedCommands:
    """The result of reading annotations: *faults* are reported as long as they exist, *news* once."""

    faults: tuple[str, ...] = ()
    news: tuple[Announcement, ...] = ()


async def apply_commands(
    annotations: Mapping[str, str], *, store: Store, now: datetime, policy: BreakerPolicy, source: str = ""
) -> AppliedCommands:
    """Apply new annotations, and end the effects of removed ones.

    An annotation is new if its value is. It is stored after it was applied: a process that is killed in between leaves
    it to the next, and applying it twice has the same effect. *source* is the object that has them: commands on another
    object, of another release on this database, are not touched.
    """
    memory = AnnotationMemory(store.applied_annotations, source)
    read = read_orders(annotations)
    remembered, others = await memory.load(read)
    faults: list[str] = []
    news: list[Announcement] = []
    for key, row in remembered.items():
        if key not in read:
            news += await _end_hold_or_cadence(row, others, store=store, now=now)
            await memory.forget(key)
    for key, text in read.items():
        before = remembered.get(key)
        if before is None or before.value != annotations[key]:
            fresh = AppliedAnnotation(key=key, value=annotations[key], seen_at=now)
            if (why := contrary_order(fresh, others, now)) is not None:
                row, told = _refuse(fresh, why)
            else:
                row, told = await _apply_command(fresh, text, store=store, policy=policy)
            await memory.remember(row)
            news.append(told)
            before = row
        if before.fault:
            faults.append(sentence(before))
    return AppliedCommands(faults=tuple(faults), news=tuple(news))


def sentence(row: AppliedAnnotation) -> str:
    """Return the fault of an annotation as a clause about it."""
    source, key = split_key(row.key)
    return f"the annotation {key[:100]}{f' of {source[:200]}' if source else ''} {row.fault}"


async def _apply_command(
    row: AppliedAnnotation, text: OrderText | Misunderstood, *, store: Store, policy: BreakerPolicy
) -> tuple[AppliedAnnotation, Announcement]:
    if isinstance(text, Misunderstood):
        row = replace(row, fault=text.fault)
        return row, Announcement(reason="OrderNotUnderstood", text=sentence(row), is_warning=True)
    try:
        until = await _execute(text, store=store, now=row.seen_at, policy=policy)
    except RequestError as error:
        return _refuse(row, str(error))
    end = f" until {until:%Y-%m-%dT%H:%M:%SZ}" if until else ""
    told = Announcement(reason="OrderObeyed", text=f"the annotation {row.key} was applied{end}")
    return replace(row, until=until), told


def _refuse(row: AppliedAnnotation, why: str) -> tuple[AppliedAnnotation, Announcement]:
    refused = replace(row, fault=f"cannot be applied: {why}")
    return refused, Announcement(reason="OrderRefused", text=sentence(refused), is_warning=True)


async def _execute(text: OrderText, *, store: Store, now: datetime, policy: BreakerPolicy) -> datetime | None:
    """Apply one annotation and return when its effect expires; RequestError says why it cannot be applied."""
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
        await lower(override, store=store)
        return override.expires_at
    if text.word is OrderWord.APPROVE:
        return await _approve(text, lasts or APPROVAL, store=store, now=now)
    verb = _VERBS[text.word]
    order = Order(verb=verb, key=breaker_key(text.breaker), reason=text.reason, actor=text.actor, lasts=lasts)
    await act(order, store=store, now=now, policy=policy)
    if verb is Verb.HOLD:
        return now + (lasts or HOLD)
    return now + lasts if lasts else None


async def _approve(text: OrderText, lasts: timedelta, *, store: Store, now: datetime) -> datetime:
    reason, actor = note(text.reason, what="reason"), note(text.actor, what="actor")
    if lasts > LONGEST_APPROVAL:
        raise RequestError(f"its for is above {span(LONGEST_APPROVAL)}")
    approved = await approve_changes(
        text.hash, lasts=lasts, actor=actor, reason=reason, stored=store.change_holds, now=now
    )
    if approved is None:
        raise RequestError("no changes are held by that hash")
    return now + lasts


async def _end_hold_or_cadence(
    row: AppliedAnnotation, others: Sequence[tuple[str, AppliedAnnotation]], *, store: Store, now: datetime
) -> list[Announcement]:
    """End the effect of an annotation that was removed early, unless another object has the same command."""
    if row.fault is not None or any(_asks_for_the_same(row, each, now) for _, each in others):
        return []
    word = row.key.removeprefix(PREFIX)
    if word == OrderWord.CADENCE:
        override = await store.cadences.override()
        if override is None or override.source is not CadenceSource.ANNOTATION or not override.is_in_force(now):
            return []
        await store.cadences.clear()
        return [
            Announcement(
                reason="CadenceRestored", text=f"the annotation {row.key} was removed, and so was its override"
            )
        ]
    text = read_orders({row.key: row.value}).get(row.key)
    if word != OrderWord.HOLD or not isinstance(text, OrderText):
        return []
    reason, actor = note(text.reason, what="reason"), note(text.actor, what="actor")
    if await lift(breaker_key(text.breaker), reason=reason, actor=actor, store=store, now=now) is None:
        return []
    return [Announcement(reason="HoldEnded", text=f"the annotation {row.key} was removed, and so was its hold")]


def _asks_for_the_same(row: AppliedAnnotation, other: AppliedAnnotation, now: datetime) -> bool:
    """Return whether another object's annotation holds the same breaker, or lowers the cadence too."""
    if row.key != other.key or other.fault is not None or (other.until is not None and other.until <= now):
        return False
    texts = [read_orders({each.key: each.value}).get(each.key) for each in (row, other)]
    breakers = {text.breaker for text in texts if isinstance(text, OrderText)}
    return len(breakers) == 1
