"""What a channel is told of a condition, and that it is told each thing once."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.domain.alert import (
    SEVERITIES,
    Alert,
    AlertPolicy,
    Condition,
    ConditionKind,
    News,
    Notice,
    Spending,
    gravest_first,
    notice,
    observed,
)
from reconcile.domain.ids import RunId
from tests.domain.factories import NOW

POLICY = AlertPolicy(reminder=timedelta(hours=6))
TICK = timedelta(minutes=1)
BROKEN = Condition(
    kind=ConditionKind.PROVIDER_BREAKER, subject="ghl", since=NOW, text="GHL lacks a field", level="contract"
)
RISK = Condition(kind=ConditionKind.APPOINTMENTS_AT_RISK, since=NOW, text="5 meetings", size=5)


class Memory:
    """What is remembered, as a store would, and what one channel has confirmed."""

    def __init__(self) -> None:
        self.alerts: dict[str, Alert] = {}
        self.told: list[Notice] = []
        self.now = NOW

    def look(self, *conditions: Condition, then: timedelta = TICK) -> list[Notice]:
        """Look once, tell the channel, and let time pass."""
        self.note(conditions)
        owed = self.owed()
        for each in owed:
            self.confirm(each)
        self.now += then
        return owed

    def note(self, conditions: Sequence[Condition]) -> None:
        for alert in observed(self.alerts, conditions, now=self.now):
            before = self.alerts.get(alert.key)
            assert alert.generation == (before.generation + 1 if before else 1)
            self.alerts[alert.key] = alert

    def owed(self, channel: str = "slack", *, known_since: datetime = NOW) -> list[Notice]:
        found = (
            notice(each, channel, now=self.now, policy=POLICY, known_since=known_since) for each in self.alerts.values()
        )
        return [each for each in found if each]

    def confirm(self, each: Notice) -> None:
        self.told.append(each)
        self.alerts[each.alert.key] = self.alerts[each.alert.key].confirmed("slack", self.now)


def news(notices: Sequence[Notice]) -> list[News]:
    return [each.news for each in notices]


def test_an_alert_is_notified_once_at_its_start_and_once_at_its_end() -> None:
    memory = Memory()

    told = [memory.look(BROKEN), memory.look(BROKEN), memory.look(), memory.look()]

    assert [news(each) for each in told] == [[News.NEW], [], [News.RECOVERED], []]
    assert told[2][0].alert.lasted(memory.now) == 2 * TICK


def test_a_change_is_notified_once() -> None:
    memory = Memory()
    memory.look(BROKEN)

    changed = replace(BROKEN, text="GHL is away", level="unavailable")
    told = [memory.look(changed), memory.look(changed)]

    assert [news(each) for each in told] == [[News.CHANGED], []]
    assert told[0][0].alert.condition.text == "GHL is away"
    assert told[0][0].alert.since == NOW


@pytest.mark.parametrize(("size", "is_told"), [(4, False), (9, False), (10, True), (100, True)])
def test_twice_as_much_is_a_change_and_a_little_more_is_none(size: int, is_told: bool) -> None:
    memory = Memory()
    memory.look(RISK)

    assert news(memory.look(replace(RISK, size=size))) == ([News.CHANGED] if is_told else [])


def test_a_long_alert_is_reminded_of() -> None:
    memory = Memory()
    memory.look(BROKEN, then=POLICY.reminder - TICK)

    told = [memory.look(BROKEN), memory.look(BROKEN), memory.look(BROKEN)]

    assert [news(each) for each in told] == [[], [News.REMINDER], []]


def test_an_alert_that_returns_within_its_quiet_period_is_the_same() -> None:
    memory = Memory()
    memory.look(RISK)

    flapping = [memory.look(), memory.look(RISK), memory.look(), memory.look(RISK)]
    silent = [memory.look() for _ in range(6)]

    assert flapping == [[], [], [], []]
    assert [news(each) for each in silent] == [[], [], [], [], [News.RECOVERED], []]


def test_a_breaker_that_opens_again_is_another_episode() -> None:
    memory = Memory()
    memory.look(BROKEN)
    memory.look()

    again = memory.look(replace(BROKEN, since=memory.now))

    assert news(again) == [News.NEW]
    assert again[0].alert.since == memory.now - TICK


def test_an_episode_never_begins_before_the_last_one_has_ended() -> None:
    """Or a channel would take the second for the first."""
    memory = Memory()
    memory.look(BROKEN)
    memory.look()

    assert news(memory.look(BROKEN)) == [News.NEW]
    assert memory.alerts[BROKEN.key].since == NOW + TICK


def test_an_unchanged_alert_is_not_written_each_minute() -> None:
    memory = Memory()
    memory.look(BROKEN)

    assert observed(memory.alerts, [BROKEN], now=memory.now) == []
    assert observed(memory.alerts, [replace(BROKEN, coming="a probe")], now=memory.now) != []


def test_a_recovered_channel_is_notified_of_ended_alerts() -> None:
    memory = Memory()
    memory.note([BROKEN])
    memory.now += TICK
    memory.note([])

    assert news(memory.owed()) == [News.RECOVERED]
    assert memory.owed(known_since=memory.now + TICK) == []


def test_a_new_channel_is_notified_of_active_alerts() -> None:
    memory = Memory()
    memory.look(BROKEN)

    assert news(memory.owed("email", known_since=memory.now)) == [News.NEW]


def test_an_alert_that_ended_before_any_notification_is_notified_once() -> None:
    gap = Condition(
        kind=ConditionKind.NO_SUCCESSFUL_RUN, since=NOW - timedelta(hours=2), over_at=NOW, text="no run has ended"
    )
    memory = Memory()

    told = [memory.look(gap), memory.look(gap), memory.look()]

    assert [news(each) for each in told] == [[News.RECOVERED], [], []]
    assert told[0][0].alert.lasted(memory.now) == timedelta(hours=2)


def test_an_alert_that_ended_between_checks_has_its_own_end() -> None:
    standing = Condition(kind=ConditionKind.NO_SUCCESSFUL_RUN, since=NOW - timedelta(hours=2), text="no run")
    memory = Memory()
    memory.look(standing)

    told = memory.look(replace(standing, over_at=NOW + TICK))

    assert news(told) == [News.RECOVERED]
    assert memory.look() == []


def test_saved_calls_are_counted_once_for_each_run() -> None:
    memory = Memory()

    def seen(run: str, calls: int, usual: int) -> Condition:
        return replace(BROKEN, spending=Spending(run_id=RunId(run), calls=calls, usual_calls=usual))

    for spent in (seen("1", 30, 400), seen("1", 30, 400), seen("2", 3, 400), seen("3", 3, 0), seen("4", 900, 0)):
        memory.look(spent)

    assert memory.alerts[BROKEN.key].saved_calls == 370 + 397 + 397


def test_the_most_severe_alert_is_first_and_ended_ones_are_last() -> None:
    run = replace(BROKEN, kind=ConditionKind.RUN_BREAKER, subject="")
    memory = Memory()
    memory.note([RISK, BROKEN, run])
    over = replace(memory.alerts[run.key], over_at=NOW)

    ordered = sorted([*memory.alerts.values(), over], key=gravest_first)

    assert [each.key for each in ordered] == [run.key, BROKEN.key, RISK.key, run.key]


def test_each_kind_has_its_severity() -> None:
    assert set(SEVERITIES) == set(ConditionKind)


LIFE = st.lists(
    st.tuples(
        st.booleans(),  # whether it is true
        st.sampled_from(["a", "b"]),  # its level
        st.sampled_from(["told", "told and killed", "killed", "away"]),
        st.sampled_from([0, 1, 3, 7, 400]),  # minutes that pass
    ),
    max_size=40,
)


@given(LIFE, st.sampled_from([BROKEN, RISK]))
def test_under_any_events_nothing_is_confirmed_twice_and_the_last_notification_is_true(
    life: Sequence[tuple[bool, str, str, int]], condition: Condition
) -> None:
    """Killed between delivery and mark, the same key comes again; killed before, nothing is lost."""
    memory = Memory()
    delivered: list[Notice] = []
    repeated: set[str] = set()
    for is_true, level, fate, minutes in life:
        memory.note([replace(condition, level=level, since=memory.now)] if is_true else [])
        for each in memory.owed():
            if fate.startswith("told"):
                delivered.append(each)
            if fate == "told and killed":
                repeated.add(each.key)
            elif fate == "told":
                memory.confirm(each)
        memory.now += timedelta(minutes=minutes)

    by_key: Mapping[str, int] = {key: sum(each.key == key for each in delivered) for key in {e.key for e in delivered}}
    confirmed = [each.key for each in memory.told]
    assert len(confirmed) == len(set(confirmed))
    assert {key for key, times in by_key.items() if times > 1} <= repeated
    for each in memory.owed():
        memory.confirm(each)
    alert = memory.alerts.get(condition.key)
    if alert is not None and (alert.is_standing or memory.told):
        last = memory.told[-1]
        assert (last.news is News.RECOVERED) is not alert.is_standing
        assert last.alert.since == alert.since
        assert memory.owed() == []
