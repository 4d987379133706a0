"""Applies operators' annotations: each write once, and every invalid one is reported."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from reconcile.domain.breaker.breaker import BreakerPolicy
from reconcile.domain.coordination.acknowledgement import (
    Acknowledgement,
    OrderOutcome,
    OrderUpdate,
    digest,
    read_acknowledgements,
    with_end,
)
from reconcile.domain.coordination.annotation import (
    ACKNOWLEDGED,
    ORDERS,
    WRITTEN,
    Misunderstood,
    OrderText,
    OrderWord,
    instant,
    read_orders,
)
from reconcile.ports import Announcement, AppliedAnnotation, Store
from reconcile.services.control.annotation_effects import (
    AnnotationEffects,
    is_in_force,
    refuse,
    sentence,
)
from reconcile.services.control.annotation_memory import AnnotationMemory, order_of
from reconcile.services.control.other_releases import contrary_order

MAX_REPORTED = 10
"""Most Events, and most faults in a report, of one pass; the rest is counted."""
_STRICTEST_FIRST = (OrderWord.HOLD, OrderWord.TRIP, OrderWord.RESET)
"""Commands for a breaker."""

Read = Mapping[str, OrderText | Misunderstood]


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedCommands:
    """The result of reading annotations.

    *faults* are reported as long as they exist, *news* once, and *updates* are to be written on the object.
    """

    faults: tuple[str, ...] = ()
    news: tuple[Announcement, ...] = ()
    updates: Mapping[str, OrderUpdate] = field(default_factory=dict)


async def apply_commands(
    annotations: Mapping[str, str], *, store: Store, now: datetime, policy: BreakerPolicy, source: str = ""
) -> AppliedCommands:
    """Apply new annotations, and end the effects of removed and replaced ones.

    An annotation is new if its text is, or if it was written again since the object acknowledged it. It is stored after
    it was applied: a process that is killed in between leaves it to the next; applying it twice has the same effect.
    *source* is the object that has them: commands on another object, of another release on this database, are not
    touched.
    """
    reading = _CommandPass(
        annotations=annotations,
        read=read_orders(annotations),
        memory=AnnotationMemory(store.applied_annotations, source),
        effects=AnnotationEffects(store, now, policy),
    )
    return await reading.apply()


class _CommandPass:
    """One pass over an object's annotations, against what was applied of earlier ones."""

    def __init__(
        self, *, annotations: Mapping[str, str], read: Read, memory: AnnotationMemory, effects: AnnotationEffects
    ) -> None:
        self._annotations = annotations
        self._read = read
        self._memory = memory
        self._effects = effects
        self._now = effects.now
        self._acknowledged = read_acknowledgements(annotations)
        self._rows: dict[str, AppliedAnnotation] = {}
        self._others: Sequence[tuple[str, AppliedAnnotation]] = ()
        self._news: list[Announcement] = []

    async def apply(self) -> AppliedCommands:
        rows, self._others = await self._memory.load(self._read)
        self._rows = dict(rows)
        has_acknowledged = self._rows.pop(ACKNOWLEDGED, None) is not None
        restored = has_acknowledged and not any(key in self._annotations for key in WRITTEN)
        if ACKNOWLEDGED in self._annotations and not has_acknowledged:
            await self._memory.remember_acknowledgement(self._now)
        kept = await self._forget_absent(is_replaced=restored)
        fresh = [key for key in sorted(self._read, key=_strictness) if self._is_new(key)]
        for key in fresh:
            await self._apply_one(key, fresh)
        faults = [sentence(row) for key, row in sorted(self._rows.items()) if key in self._read and row.fault]
        return AppliedCommands(
            faults=tuple(_capped(faults)), news=tuple(_capped_news(self._news)), updates=dict(self._updates(kept))
        )

    async def _forget_absent(self, *, is_replaced: bool) -> Sequence[str]:
        """End the effects of annotations that were removed; return those to restore on an object that was replaced."""
        kept: list[str] = []
        for key, row in list(self._rows.items()):
            if key in self._read:
                continue
            if is_replaced and is_in_force(row, self._now):
                kept.append(key)
                continue
            if not any(_is_same_command(row, each, self._now) for _, each in self._others):
                await self._end(row, how="removed")
            await self._memory.forget(key)
            del self._rows[key]
        if kept:
            text = f"the state object was replaced; {', '.join(kept)} stays in force and is written to it again"
            self._news.append(Announcement(reason="OrdersRestored", text=text, is_warning=True))
        return kept

    def _is_new(self, key: str) -> bool:
        text, row = self._annotations[key], self._rows.get(key)
        if row is None:
            return True
        if row.fault:
            return text != row.value
        if text == _text_in_force(row):
            return False
        known = self._acknowledged.get(key)
        # The acknowledgement was written with another text or with none: the command was written again since.
        is_rewritten = known is not None and (known.digest, known.until) == (digest(text), instant(row.until))
        return text != row.value or is_rewritten

    async def _apply_one(self, key: str, fresh: Sequence[str]) -> None:
        text, before = self._read[key], self._rows.get(key)
        row = AppliedAnnotation(key=key, value=self._annotations[key], seen_at=self._now)
        why = contrary_order(row, self._others, self._now) or self._stricter(text, fresh)
        row, announcement = refuse(row, why) if why else await self._effects.apply(row, text)
        if before is not None and (row.fault or _subject(before) != _subject(row)):
            await self._end(before, how="replaced")
        if row.fault is None:
            await self._supersede(row)
        await self._memory.remember(row)
        self._rows[key] = row
        self._news.append(announcement)

    def _stricter(self, text: OrderText | Misunderstood, fresh: Sequence[str]) -> str | None:
        """Return why a command is refused: a stricter one about the same subject arrived with it. None: it is not."""
        if isinstance(text, Misunderstood):
            return None
        for key in fresh[: fresh.index(text.word.key)]:
            row = self._rows.get(key)
            if row is not None and row.fault is None and _subject(row) == text.subject:
                return f"{key}, which arrived with it, is stricter"
        return None

    async def _supersede(self, row: AppliedAnnotation) -> None:
        """End earlier commands about the same subject: *row* has replaced their override."""
        for key, each in list(self._rows.items()):
            if key != row.key and _subject(each) == _subject(row) and is_in_force(each, self._now):
                self._rows[key] = replace(each, value=self._annotations.get(key, each.value), until=self._now)
                await self._memory.remember(self._rows[key])

    async def _end(self, row: AppliedAnnotation, *, how: str) -> None:
        if (announcement := await self._effects.end(row, how=how)) is not None:
            self._news.append(announcement)

    def _updates(self, kept: Sequence[str]) -> Iterator[tuple[str, OrderUpdate]]:
        for key, row in self._rows.items():
            if key in ORDERS and (key in self._read or key in kept):
                seen, text = self._annotations.get(key), self._text_after(row)
                current = self._acknowledgement(row)
                if seen != text or not self._is_acknowledged(current, key):
                    yield key, OrderUpdate(seen=seen, text=text, acknowledgement=current)

    def _is_acknowledged(self, current: Acknowledgement, key: str) -> bool:
        """Return whether the object already holds this acknowledgement; its hash is that of the applied text."""
        known = self._acknowledged.get(key)
        return known is not None and (known.outcome, known.until) == (current.outcome, current.until)

    def _acknowledgement(self, row: AppliedAnnotation) -> Acknowledgement:
        outcome = OrderOutcome.APPLIED
        if row.fault:
            outcome = OrderOutcome.REFUSED
        elif row.until is not None and row.until <= self._now:
            outcome = OrderOutcome.ENDED
        return Acknowledgement(
            digest=digest(row.value), at=instant(row.seen_at) or "", outcome=outcome, until=instant(row.until)
        )

    def _text_after(self, row: AppliedAnnotation) -> str | None:
        """Return the annotation's text after *row* was applied; None removes it."""
        if row.fault:
            return row.value
        return _text_in_force(row) if is_in_force(row, self._now) else None


def _text_in_force(row: AppliedAnnotation) -> str | None:
    """Return the annotation's text while the command is in effect; None if it has no lasting effect."""
    return None if row.until is None else with_end(row.value, row.until)


def _strictness(key: str) -> tuple[int, str]:
    keys = [word.key for word in _STRICTEST_FIRST]
    return keys.index(key) if key in keys else len(keys), key


def _subject(row: AppliedAnnotation) -> str | None:
    """Return the subject of a command; None if the command is invalid."""
    text = order_of(row)
    return None if text is None else text.subject


def _is_same_command(row: AppliedAnnotation, other: AppliedAnnotation, now: datetime) -> bool:
    """Return whether another object's annotation is the same command for the same subject."""
    if row.key != other.key or other.fault is not None or (other.until is not None and other.until <= now):
        return False
    return len({_subject(row), _subject(other)} - {None}) == 1


def _capped(faults: Sequence[str]) -> Sequence[str]:
    left = len(faults) - MAX_REPORTED
    return faults if left <= 0 else [*faults[:MAX_REPORTED], f"{left} more annotations have such faults"]


def _capped_news(news: Sequence[Announcement]) -> Sequence[Announcement]:
    bad = [each for each in news if each.is_warning]
    left = len(bad) - MAX_REPORTED
    if left <= 0:
        return news
    last = Announcement(reason=bad[-1].reason, text=f"{left} more annotations have such faults", is_warning=True)
    return [*(each for each in news if not each.is_warning), *bad[:MAX_REPORTED], last]
