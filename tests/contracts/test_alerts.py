"""What every ``Alerts`` promises."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import update

from reconcile.domain.alert import Alert, Condition, ConditionKind
from reconcile.domain.ids import RunId
from reconcile.ports import ChannelState, Store
from reconcile.store.db.database import Database
from reconcile.store.schema import tables
from tests.stores import NOW

LATER = NOW + timedelta(minutes=5)
STANDING = Alert(
    condition=Condition(
        kind=ConditionKind.PROVIDER_BREAKER,
        subject="ghl",
        since=NOW,
        text="GoHighLevel: it cannot be reached",
        coming="no calls, then 3 probes",
        commands=("reconcile status", "reconcile doctor"),
        level="transport",
        size=3,
    ),
    since=NOW,
    seen_at=LATER,
    usual_calls=400,
    saved_calls=1200,
    counted_run=RunId("run-1"),
)
PARKED = Alert(
    condition=Condition(kind=ConditionKind.PARKED_WORKSPACE, subject="w1", since=NOW, text="its token is refused"),
    since=NOW,
    seen_at=NOW,
)


async def test_an_alert_is_read_back_with_the_confirmations_of_each_channel(store: Store) -> None:
    told = replace(STANDING.confirmed("slack", NOW).confirmed("email", LATER).confirmed("slack", LATER), generation=1)

    saved = await store.alerts.save([told, PARKED])

    assert saved == {"provider_breaker:ghl", "parked_workspace:w1"}
    assert list(await store.alerts.load(since=NOW)) == [PARKED, told]
    assert told.heard["slack"].times == 2


async def test_a_save_over_a_newer_generation_changes_nothing(store: Store) -> None:
    await store.alerts.save([STANDING, PARKED])
    mine, theirs = STANDING.confirmed("slack", NOW), STANDING.confirmed("email", NOW)

    assert await store.alerts.save([theirs]) == {STANDING.key}
    assert await store.alerts.save([mine, PARKED.confirmed("slack", NOW)]) == {PARKED.key}
    assert await store.alerts.save([STANDING]) == set()
    assert list(await store.alerts.load(since=NOW)) == [PARKED.confirmed("slack", NOW), theirs]


async def test_alerts_that_ended_long_ago_are_loaded_only_by_key(store: Store) -> None:
    over = replace(STANDING, over_at=NOW)
    await store.alerts.save([over])

    assert list(await store.alerts.load(since=NOW)) == [replace(over, condition=replace(over.condition, over_at=NOW))]
    assert list(await store.alerts.load(since=LATER)) == []
    assert list(await store.alerts.load(since=LATER, keys=["nobody"])) == []
    assert [each.key for each in await store.alerts.load(since=LATER, keys=[over.key, "nobody"])] == [over.key]


async def test_an_alert_of_an_unknown_kind_is_left_out(store: Store, migrated_url: str) -> None:
    await store.alerts.save([STANDING, PARKED])
    database = Database(migrated_url)
    await database.change(update(tables.alert).where(tables.alert.c.key == PARKED.key).values(kind="moon_phase"))
    await database.close()

    assert list(await store.alerts.load(since=NOW)) == [STANDING]


async def test_the_last_state_of_a_channel_is_read_back(store: Store) -> None:
    well = ChannelState(name="slack", known_since=NOW)
    failing = replace(well, failures=2, failing_since=NOW, fault="slack answered 500", not_before=LATER)

    await store.alerts.save_channel(well)
    await store.alerts.save_channel(replace(well, name="email"))
    await store.alerts.save_channel(failing)

    assert await store.alerts.channels() == {"slack": failing, "email": replace(well, name="email")}
