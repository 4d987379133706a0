"""Settings of a CronJob compared with those of its run."""

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from reconcile.errors import SettingsError
from reconcile.settings import Settings

SCHEDULE = "RECONCILE_SCHEDULE"
RATE = "RECONCILE_CIRCUIT_BREAKER_ERROR_RATE"


def settings(applied: object, **values: str) -> Settings:
    text = applied if isinstance(applied, str) else json.dumps(applied)
    return Settings.from_env({"RECONCILE_APPLIED_SETTINGS": text, **values})


def test_values_are_compared_as_they_are_read_not_as_they_are_written() -> None:
    applied = {SCHEDULE: "*/5  * * * *", RATE: "0.50", "RECONCILE_CIRCUIT_BREAKER_MODE": "Enforce"}

    assert settings(applied, **{SCHEDULE: "*/5 * * * *", RATE: "0.5"}).disagreements() == ()


def test_each_value_that_differs_is_named_with_both() -> None:
    told = settings({SCHEDULE: "* * * * *", RATE: "0.5"}, **{RATE: "0.8"}).disagreements()

    assert [each.partition(":")[0] for each in told] == [
        f"{SCHEDULE} is not set and the CronJob was created with '* * * * *'",
        f"{RATE} is '0.8' and the CronJob was created with '0.5'",
    ]


def test_a_threshold_that_cannot_be_read_is_another_one() -> None:
    assert "was created with 'many'" in settings({RATE: "many"}).disagreements()[0]


def test_what_is_no_setting_is_named_and_a_secret_is_not_shown() -> None:
    secret = "postgresql://canary:canary@host/name"
    told = settings({"RECONCILE_ERROR_RATE": "0.5", "RECONCILE_DATABASE_URL": secret}).disagreements()

    assert "'RECONCILE_ERROR_RATE', which is not a setting" in told[0]
    assert "RECONCILE_DATABASE_URL is a secret" in told[1]
    assert "canary" not in "".join(told)


def test_a_key_that_was_added_to_the_config_map_is_a_warning_in_a_pod_of_the_chart() -> None:
    found = settings({RATE: "0.5"}, RECONCILE_ERROR_RATE="0.7", **{RATE: "0.5"})

    assert found.disagreements() == (
        "RECONCILE_ERROR_RATE is not a setting; unset it; the settings are listed by `reconcile run --help`",
    )


def test_elsewhere_a_variable_that_is_no_setting_is_a_fault() -> None:
    with pytest.raises(SettingsError, match="RECONCILE_ERROR_RATE is not a setting"):
        Settings.from_env({"RECONCILE_ERROR_RATE": "0.7"})


@pytest.mark.parametrize("text", ["canary", "[]", '{"RECONCILE_SCHEDULE": 5}', "[" * 100_000])
def test_anything_but_a_json_object_of_texts_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="RECONCILE_APPLIED_SETTINGS must be a JSON object of texts") as refused:
        settings(text)

    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(("minute", "count"), [(10, 0), (3, 1)])
def test_a_tick_is_compared_with_the_schedule(minute: int, count: int) -> None:
    at = datetime(2026, 3, 1, 12, minute, tzinfo=UTC)
    planned = Settings(schedule="*/10 * * * *", time_zone="Europe/Berlin")

    assert len(planned.disagreements(at)) == count
    assert planned.disagreements(None) == ()
    assert Settings().disagreements(at) == ()


@pytest.mark.parametrize("schedule", ["*/10 * * * *", "30 2 * * *", "0 1-4 * * *"])
@pytest.mark.parametrize("day", [datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)])
def test_no_night_in_which_clocks_are_changed_makes_a_tick_of_the_schedule_a_strange_one(
    schedule: str, day: datetime
) -> None:
    planned = Settings(schedule=schedule, time_zone="Europe/Berlin")
    minutes = [day + timedelta(minutes=n) for n in range(-60, 300)]
    named = [at for at in minutes if not planned.disagreements(at)]

    assert named == [at for at in minutes if _has(schedule, at.astimezone(ZoneInfo("Europe/Berlin")))]


def _has(schedule: str, at: datetime) -> bool:
    return {
        "*/10 * * * *": at.minute % 10 == 0,
        "30 2 * * *": (at.hour, at.minute) == (2, 30),
        "0 1-4 * * *": at.minute == 0 and 1 <= at.hour <= 4,
    }[schedule]
