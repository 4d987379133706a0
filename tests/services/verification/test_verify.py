"""Watching a claim: when it ends, and what it survives."""

from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from reconcile.domain.verification.checklist import ClaimStep, FigureSource
from reconcile.domain.verification.claim import Claim, Expected, Ruling, RulingReason, RulingStatus
from reconcile.domain.verification.log_entry import LogEntry
from reconcile.errors import LogsRefused, LogsUnavailable
from tests.services.fakes import START, FakeClock
from tests.use_cases import Means, watch

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
LINE = LogEntry(text="fine", at=START)


@dataclass
class Script:
    """What each look finds: lines, or why there are none; the last goes on for ever."""

    looks: list[list[LogEntry] | Exception]
    clock: FakeClock = field(default_factory=FakeClock)
    seen: list[Ruling] = field(default_factory=list)

    def entries(self) -> list[LogEntry]:  # an iterable is all that is asked for
        look = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if isinstance(look, Exception):
            raise look
        return look

    async def watched(self, *, wait: timedelta, expected: Expected = Expected.GONE) -> Ruling:
        def none(*_: object) -> None:
            raise AssertionError("asked for something else")

        means = Means(
            clock=self.clock,
            store=None,
            log_file=none,  # type: ignore[arg-type]
            pods=lambda *_: self,  # type: ignore[arg-type]
            run=none,  # type: ignore[arg-type]
            on_look=self.seen.append,
        )
        claim = Claim(since=START, signatures=[("boom", expected)], min_checks=2)
        return await watch(ClaimStep(claim=claim, source=FigureSource.CRONJOB, name="x", wait=wait), means)


async def test_without_a_wait_the_claim_is_evaluated_once() -> None:
    script = Script([[LINE]])
    ruling = await script.watched(wait=timedelta(0))

    assert (ruling.why, len(script.seen), script.clock.now()) == (RulingReason.TOO_FEW_CHECKS, 1, START)


async def test_a_claim_must_hold_until_the_end() -> None:
    script = Script([[LINE] * 9])
    ruling = await script.watched(wait=HOUR)

    assert ruling.word is RulingStatus.PASS
    assert (len(script.seen), script.clock.now()) == (61, START + HOUR)


async def test_a_failure_ends_the_watch_at_once() -> None:
    boom = replace(LINE, text="boom", at=START + 2 * MINUTE)
    script = Script([[LINE] * 9, [LINE] * 9, [LINE, boom]])
    ruling = await script.watched(wait=HOUR)

    assert ruling.why is RulingReason.STILL_SEEN
    assert script.clock.now() == START + 2 * MINUTE


async def test_enough_checks_may_arrive_late() -> None:
    boom = replace(LINE, text="boom")
    script = Script([[LINE] * 9, [LINE] * 9, [LINE, boom]])
    ruling = await script.watched(wait=3 * MINUTE, expected=Expected.PRESENT)

    assert [each.word for each in script.seen] == [
        RulingStatus.FAIL,
        RulingStatus.FAIL,
        RulingStatus.PASS,
        RulingStatus.PASS,
    ]
    assert ruling.word is RulingStatus.PASS


async def test_a_source_failure_is_reported_only_if_it_lasts() -> None:
    away = LogsUnavailable("the Kubernetes API answered 503")
    script = Script([[LINE] * 9, away, [LINE] * 9])
    assert (await script.watched(wait=3 * MINUTE)).word is RulingStatus.PASS
    assert script.seen[1].why is RulingReason.UNANSWERED

    ended = await Script([[LINE] * 9, away]).watched(wait=MINUTE)
    assert (ended.word, ended.text) == (RulingStatus.INCONCLUSIVE, str(away))
    with pytest.raises(LogsUnavailable):
        await Script([away]).watched(wait=timedelta(0))


async def test_a_refusal_at_the_first_look_ends_the_watch() -> None:
    """A name that is wrong, or a right that is missing, is as it is a day later."""
    refused = LogsRefused("the Kubernetes API answered 404")
    with pytest.raises(LogsRefused):
        await Script([refused]).watched(wait=24 * HOUR)

    script = Script([[LINE] * 9, refused, [LINE] * 9])
    assert (await script.watched(wait=3 * MINUTE)).word is RulingStatus.PASS
    assert script.seen[1].why is RulingReason.UNANSWERED
