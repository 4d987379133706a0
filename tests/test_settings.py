"""Settings: where values come from, what is refused, and that all of it is said at once."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.domain.run.report import Trigger
from reconcile.errors import SettingsError
from reconcile.settings import SETTINGS, BreakerMode, Settings

CANARY = "canary-8f1d-canary-8f1d"


def faults_of(env: dict[str, str], **overrides: object) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as raised:
        Settings.from_env(env, overrides)
    return raised.value.faults


def test_an_empty_environment_gives_the_defaults() -> None:
    settings = Settings.from_env({})

    assert settings == Settings()
    assert settings.database_url == "sqlite:///reconcile.db"
    assert settings.workspace_limit == 10


def test_a_variable_beats_the_default_and_a_flag_beats_the_variable() -> None:
    env = {"RECONCILE_WORKSPACE_LIMIT": "20", "RECONCILE_STALE_DAYS": "3.5", "HOME": "/"}

    settings = Settings.from_env(env, {"workspace_limit": 30, "stale_days": None})

    assert settings.workspace_limit == 30
    assert settings.stale_days == 3.5


def test_a_flag_also_covers_a_variable_that_could_not_be_read() -> None:
    env = {"RECONCILE_WORKSPACE_LIMIT": "zero", "RECONCILE_DATABASE_URL_FILE": "/gone"}

    settings = Settings.from_env(env, {"workspace_limit": 30, "database_url": "sqlite:///a.db"})

    assert settings.workspace_limit == 30


def test_every_fault_is_reported_at_once_with_name_value_and_remedy() -> None:
    faults = faults_of(
        {
            "RECONCILE_WORKSPACE_LIMIT": "zero",
            "RECONCILE_CIRCUIT_BREAKER_ERROR_RATE": "50",
            "RECONCILE_CIRCUIT_BREAKER_MODE": "shadow",
            "RECONCILE_WORKSPACE_LIMT": "3",
            "RECONCILE_GIBBERISH": "3",
        },
        lead_concurrency="0",
    )

    assert faults == (
        "RECONCILE_WORKSPACE_LIMIT must be a whole number from 1 to 100000, not 'zero'",
        "--lead-concurrency must be a whole number from 1 to 64, not '0'",
        "RECONCILE_CIRCUIT_BREAKER_ERROR_RATE must be a number above 0, at most 1, not '50'",
        "RECONCILE_CIRCUIT_BREAKER_MODE must be one of enforce, metrics_only, not 'shadow'",
        "RECONCILE_GIBBERISH is not a setting; unset it; the settings are listed by `reconcile run --help`",
        "RECONCILE_WORKSPACE_LIMT is not a setting; did you mean RECONCILE_WORKSPACE_LIMIT?",
    )


@pytest.mark.parametrize(
    "name",
    [
        "RECONCILE_TEST_DATABASE_URL",
        "RECONCILE_SERVICE_HOST",
        "RECONCILE_SERVICE_PORT_HTTP",
        "RECONCILE_PORT",
        "RECONCILE_PORT_80_TCP",
        "RECONCILE_PORT_80_TCP_ADDR",
    ],
)
def test_variables_that_others_set_are_left_alone(name: str) -> None:
    assert Settings.from_env({name: "tcp://10.0.0.1:80"}) == Settings()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "must begin with sqlite:/// or postgresql://"),
        ("sqlite:///two words.db", "like sqlite:///reconcile.db or postgresql://"),
        ("mysql://u:{}@h/n", "must begin with sqlite:/// or postgresql://"),
        ("postgresql+asyncpg://u:{}@h/n", "must not name a driver"),
        ("postgresql://u:{}@h:port/n", "with a port"),
        ("postgresql://u:{}@h:99999/n", "with a port"),
        ("postgresql:///n?password={}", "must name a host"),
        ("postgresql://u:{}@h", "must name a database"),
        ("postgresql://u:{}@h/n\n", "without white space"),
        ("sqlite://{}.db", "must name a file after three slashes"),
        ("sqlite:///", "must name a file"),
        ("sqlite:///:memory:", "must name a file"),
        ("reconcile-{}.db", "must begin with sqlite:///"),
    ],
)
def test_a_wrong_database_url_is_explained_and_not_shown(url: str, says: str) -> None:
    (fault,) = faults_of({"RECONCILE_DATABASE_URL": url.format(CANARY)})

    assert fault.startswith("RECONCILE_DATABASE_URL must")
    assert says in fault
    assert CANARY not in fault


@pytest.mark.parametrize(
    ("given_url", "read"),
    [
        ("sqlite:///a.db", "sqlite:///a.db"),
        ("sqlite:////var/lib/a.db", "sqlite:////var/lib/a.db"),
        ("postgres://u:p@h/n", "postgresql://u:p@h/n"),
        ("postgresql://u:p@h:5432/n?sslmode=require", "postgresql://u:p@h:5432/n?sslmode=require"),
        ("postgresql:///n?host=/run/postgresql", "postgresql:///n?host=/run/postgresql"),
    ],
)
def test_both_databases_are_accepted_in_their_usual_spellings(given_url: str, read: str) -> None:
    assert Settings.from_env({"RECONCILE_DATABASE_URL": given_url}).database_url == read


@pytest.mark.parametrize("url", ["http://localhost:8080", "http://127.0.0.1:1", "http://[::1]:1/", "https://x.example"])
def test_a_provider_may_be_elsewhere(url: str) -> None:
    assert Settings.from_env({"RECONCILE_GHL_BASE_URL": url}).ghl_base_url == url.rstrip("/")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://services.example", "must begin with https://"),
        ("http://localhost.example", "must begin with https://"),
        ("ftp://localhost", "must be a URL"),
        ("services.example", "must be a URL"),
        (f"https://u:{CANARY}@services.example", "must not contain a user name"),
        ("https://services.example/v1", "must end after host and port"),
        ("https://services.example?x=1", "must end after host and port"),
        ("https://services.example:x", "with a port"),
    ],
)
def test_a_token_is_never_sent_to_an_address_that_is_not_safe(url: str, says: str) -> None:
    (fault,) = faults_of({"RECONCILE_CALENDLY_BASE_URL": url})

    assert says in fault
    assert CANARY not in fault


def test_a_webhook_goes_with_its_secret_and_neither_is_shown() -> None:
    url = f"https://hooks.example/{CANARY}"

    settings = Settings.from_env({"RECONCILE_WEBHOOK_URL": url, "RECONCILE_WEBHOOK_SECRET": CANARY})

    assert settings.webhook_url == url
    assert CANARY not in repr(settings)
    assert "set both or neither" in faults_of({"RECONCILE_WEBHOOK_URL": url})[0]
    assert "set both or neither" in faults_of({"RECONCILE_WEBHOOK_SECRET": CANARY})[0]
    assert faults_of({"RECONCILE_WEBHOOK_URL": url, "RECONCILE_WEBHOOK_SECRET": "short"}) == (
        "RECONCILE_WEBHOOK_SECRET must be one line of at least 16 characters",
    )


def test_one_call_may_not_outlast_its_run() -> None:
    (fault,) = faults_of({"RECONCILE_RUN_BUDGET_SECONDS": "5"})

    assert "RECONCILE_ATTEMPT_TIMEOUT_SECONDS (10) is above RECONCILE_RUN_BUDGET_SECONDS (5)" in fault


def test_an_empty_variable_means_not_set_only_where_nothing_is_a_value() -> None:
    assert Settings.from_env({"RECONCILE_CREDENTIALS_DIR": "", "RECONCILE_WEBHOOK_URL": ""}) == Settings()
    assert "must be a whole number" in faults_of({"RECONCILE_WORKSPACE_LIMIT": ""})[0]


def test_a_value_may_lie_in_a_mounted_file(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("postgresql://u:p@h/n\n")

    settings = Settings.from_env({"RECONCILE_DATABASE_URL_FILE": str(file)})

    assert settings.database_url == "postgresql://u:p@h/n"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "does not exist"),
        (f"{CANARY}\n\n".encode(), "without white space"),
        (CANARY.encode() + b"\xff", "is not UTF-8"),
        (CANARY.encode() * 10_000, "larger than 64 KiB"),
    ],
)
def test_a_mounted_file_that_is_wrong_is_named_and_not_shown(tmp_path: Path, content: bytes | None, says: str) -> None:
    file = tmp_path / "url"
    if content is not None:
        file.write_bytes(content)

    (fault,) = faults_of({"RECONCILE_DATABASE_URL_FILE": str(file)})

    assert "RECONCILE_DATABASE_URL" in fault
    assert says in fault
    assert CANARY not in fault


def test_a_secret_put_where_its_path_belongs_is_not_shown() -> None:
    (fault,) = faults_of({"RECONCILE_DATABASE_URL_FILE": f"postgresql://u:{CANARY}@h/n"})

    assert "does not exist" in fault
    assert CANARY not in fault


def test_a_value_read_from_a_file_is_not_shown_for_any_setting(tmp_path: Path) -> None:
    file = tmp_path / "limit"
    file.write_text(CANARY)

    (fault,) = faults_of({"RECONCILE_WORKSPACE_LIMIT_FILE": str(file)})

    assert CANARY not in fault


def test_a_variable_and_its_file_contradict_each_other(tmp_path: Path) -> None:
    (fault,) = faults_of({"RECONCILE_LOG_LEVEL": "info", "RECONCILE_LOG_LEVEL_FILE": str(tmp_path)})

    assert fault == "RECONCILE_LOG_LEVEL and RECONCILE_LOG_LEVEL_FILE are both set; unset one of them"


def test_policies_are_durations() -> None:
    settings = Settings.from_env(
        {
            "RECONCILE_STALE_DAYS": "2",
            "RECONCILE_HOT_MINUTES": "0.5",
            "RECONCILE_CIRCUIT_BREAKER_COOLDOWN_SECONDS": "3600",
            "RECONCILE_CIRCUIT_BREAKER_MODE": "METRICS_ONLY",
            "RECONCILE_QUARANTINE_AFTER": "3",
            "RECONCILE_TRIGGER": "schedule",
        }
    )

    assert settings.due_policy().stale == timedelta(days=2)
    assert settings.due_policy().hot == timedelta(seconds=20)  # less the jitter of a start
    assert settings.breaker_policy().cooldown == timedelta(hours=1)
    assert settings.breaker_policy().max_cooldown == timedelta(hours=1)
    assert settings.backoff_policy().quarantine_after == 3
    assert settings.circuit_breaker_mode is BreakerMode.METRICS_ONLY
    assert settings.trigger is Trigger.SCHEDULE


@given(st.dictionaries(st.sampled_from([setting.env for setting in SETTINGS]), st.text(max_size=30), max_size=6))
def test_any_text_gives_settings_or_faults(env: dict[str, str]) -> None:
    faults: tuple[str, ...] = ()
    try:
        Settings.from_env(env)
    except SettingsError as error:
        faults = error.faults

    assert all(fault.isprintable() for fault in faults)


def test_every_default_is_a_value_that_its_own_kind_accepts() -> None:
    for setting in SETTINGS:
        assert setting.is_optional or setting.kind.read(str(setting.default)) == setting.default


def test_reading_settings_loads_nothing_heavy() -> None:
    code = "import reconcile.settings, sys; print(*sorted(sys.modules))"

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert not {"click", "rich", "httpx", "aiohttp", "sqlalchemy", "asyncio", "orjson"} & set(loaded)
