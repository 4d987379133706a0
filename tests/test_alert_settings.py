"""The settings of alerts: what they read, and which do not go together; no fault shows a secret or a person."""

import base64
from datetime import timedelta
from pathlib import Path

import pytest

from reconcile.domain.alert import AlertPolicy
from reconcile.errors import SettingsError
from reconcile.settings import SETTINGS, Settings
from reconcile.wire.signing import signing_key

MAIL = {"EMAIL_TO": "ops@example.com", "EMAIL_FROM": "alerts@example.com"}


def read(**given: str) -> Settings:
    return Settings.from_env({f"RECONCILE_ALERT_{name}": value for name, value in given.items()})


def faults(**given: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        read(**given)
    assert "c4n4ry" not in str(caught.value)
    return caught.value.faults


def test_by_default_there_is_no_channel_and_the_policy_is_the_domains() -> None:
    settings = read()

    assert (settings.alert_slack_url, settings.alert_smtp_url, settings.alert_email_to) == (None, None, None)
    assert settings.alert_policy() == AlertPolicy()


def test_the_numbers_become_the_policy() -> None:
    policy = read(SILENCE_MINUTES="30", AT_RISK="9", QUARANTINED="20", REMINDER_HOURS="0.5").alert_policy()

    assert policy == AlertPolicy(
        silence=timedelta(minutes=30), at_risk=9, quarantined=20, reminder=timedelta(minutes=30)
    )


def test_each_secret_may_be_mounted_as_a_file(tmp_path: Path) -> None:
    (tmp_path / "slack").write_text("https://hooks.slack.com/services/T/B/x\n")

    assert read(SLACK_URL_FILE=str(tmp_path / "slack")).alert_slack_url == "https://hooks.slack.com/services/T/B/x"


def test_credentials_and_recipients_of_a_channel_are_not_shown() -> None:
    shown = repr(
        read(
            SLACK_URL="https://hooks.example/c4n4ry",
            PAGERDUTY_KEY="c4n4ry-key-of-a-service",
            SMTP_URL="smtp://u:c4n4ry@mail.example.com",
            EMAIL_TO="c4n4ry@example.com",
            EMAIL_FROM="c4n4ry@example.com",
        )
    )

    assert "c4n4ry" not in shown
    secret = {each.name for each in SETTINGS if each.name.startswith("alert_") and each.kind.is_secret}
    assert secret == {
        "alert_slack_url",
        "alert_webhook_url",
        "alert_webhook_secret",
        "alert_pagerduty_key",
        "alert_email_to",
        "alert_email_from",
        "alert_smtp_url",
        "alert_resend_key",
    }


@pytest.mark.parametrize(
    "url", ["smtp://mail.example.com", "smtps://u:p%40ss@mail.example.com:465", "smtp://localhost:25"]
)
def test_a_mail_server_is_a_url(url: str) -> None:
    assert read(SMTP_URL=url, **MAIL).alert_smtp_url == url


@pytest.mark.parametrize(
    "url",
    [
        "mail.example.com",
        "https://c4n4ry.example.com",
        "smtp://u@mail.example.com",
        "smtp://u:c4n4ry@mail.example.com/path",
        "smtp://u:c4n4ry@mail.example.com?x=1",
        "smtp://u:c4n4ry@mail.example.com:99999",
        "smtp://u:c4n4ry%0a@mail.example.com",
        "smtp://:c4n4ry@",
    ],
)
def test_and_nothing_else(url: str) -> None:
    (fault, *_) = faults(SMTP_URL=url, **MAIL)

    assert fault.startswith("RECONCILE_ALERT_SMTP_URL must ")


@pytest.mark.parametrize("text", ["c4n4ry", "c4n4ry@", "@example.com", "a@b, c4n4ry", "A <c4n4ry@example.com>", ","])
def test_an_address_is_an_address(text: str) -> None:
    (fault, *_) = faults(SMTP_URL="smtp://localhost", EMAIL_FROM="a@example.com", EMAIL_TO=text)

    assert fault.startswith("RECONCILE_ALERT_EMAIL_TO must be an address like alerts@example.com")


def test_several_are_separated_by_commas_and_the_sender_is_one() -> None:
    settings = read(SMTP_URL="smtp://localhost", EMAIL_TO="a@example.com, b@example.com,", EMAIL_FROM="c@example.com")

    assert settings.alert_email_to == ("a@example.com", "b@example.com")
    assert settings.alert_email_from == ("c@example.com",)
    assert "EMAIL_FROM must" in faults(SMTP_URL="smtp://localhost", EMAIL_TO="a@b.c", EMAIL_FROM="a@b.c,d@e.f")[0]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"WEBHOOK_URL": "https://hooks.example.com/x"}, "WEBHOOK_URL is set without RECONCILE_ALERT_WEBHOOK_SECRET"),
        ({"WEBHOOK_SECRET": "c4n4ry-of-16-letters"}, "WEBHOOK_SECRET is set without RECONCILE_ALERT_WEBHOOK_URL"),
        ({"SMTP_URL": "smtp://localhost", "RESEND_KEY": "c4n4ry-key", **MAIL}, "unset one of them"),
        ({"SMTP_URL": "smtp://localhost"}, "SMTP_URL is set without RECONCILE_ALERT_EMAIL_TO"),
        ({"RESEND_KEY": "c4n4ry-key", "EMAIL_TO": "a@b.c"}, "RESEND_KEY is set without RECONCILE_ALERT_EMAIL_FROM"),
        (MAIL, "without a mail server; set RECONCILE_ALERT_SMTP_URL or RECONCILE_ALERT_RESEND_KEY"),
    ],
)
def test_contradictory_settings_are_reported_once(given: dict[str, str], said: str) -> None:
    (fault,) = faults(**given)

    assert said in fault


def test_a_key_in_base64_is_so_to_its_end() -> None:
    (fault, *_) = faults(WEBHOOK_URL="https://hooks.example.com/x", WEBHOOK_SECRET="whsec_c4n4ry!!!!!!!!!")

    assert fault == "RECONCILE_ALERT_WEBHOOK_SECRET must be base64 after whsec_; copy it again"


def test_a_key_in_base64_is_as_long_as_the_specification_asks() -> None:
    short, enough = (f"whsec_{base64.b64encode(b'k' * size).decode()}" for size in (23, 24))
    (fault, *_) = faults(WEBHOOK_URL="https://hooks.example.com/x", WEBHOOK_SECRET=short)

    assert fault == (
        "RECONCILE_ALERT_WEBHOOK_SECRET must hold at least 24 bytes in base64 after whsec_; make a longer one"
    )
    assert len(signing_key(enough)) == 24
