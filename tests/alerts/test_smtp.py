"""Mail over a server that takes it, refuses it, hangs, or is no mail server; never in the clear but on this machine."""

import asyncio
import email
import ssl
import time
from email.policy import default
from pathlib import Path

import pytest

from reconcile.alerts import smtp
from reconcile.alerts.smtp import Smtp
from reconcile.errors import AlertNotDelivered
from reconcile.providers.http.transport import tls_context
from tests.alerts.mailserver import a_mail_server
from tests.alerts.messages import RealClock, a_message
from tests.timeouts import HUNG

CERTIFICATES = Path(__file__).parents[1] / "providers" / "http" / "certificates"


def certificate(name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / f"{name}.pem")
    return context


def trusting() -> ssl.SSLContext:
    return tls_context(str(CERTIFICATES / "root.pem"))


def a_channel(port: int, *, scheme: str = "smtp", user: str = "ada:c4n4ry@", host: str = "127.0.0.1") -> Smtp:
    return Smtp(
        f"{scheme}://{user}{host}:{port}",
        sender="alerts@example.com",
        recipients=("c4n4ry@example.com", "grace@example.com"),
        tls=trusting,
        clock=RealClock(),
    )


async def deliver(channel: Smtp, *, within: float = 10.0) -> None:
    await channel.deliver(a_message(), deadline=time.monotonic() + within)


async def refused(channel: Smtp, *, within: float = 10.0) -> str:
    with pytest.raises(AlertNotDelivered) as caught:
        await deliver(channel, within=within)
    assert caught.value.__context__ is None
    assert "c4n4ry" not in repr(caught.value)
    return str(caught.value)


@pytest.fixture
def _elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this machine be a foreign one, where nothing may be said in the clear."""
    monkeypatch.setattr(smtp, "_LOOPBACK", frozenset())


async def test_a_mail_goes_to_all_and_can_be_known_again() -> None:
    async with a_mail_server() as server:
        await deliver(a_channel(server.port))

    mail = email.message_from_string(server.mails[0], policy=default)
    assert (mail["From"], mail["To"]) == ("alerts@example.com", "c4n4ry@example.com, grace@example.com")
    assert mail["Subject"].startswith("[calendars/prod] Calls to a provider are stopped: GoHighLevel")
    assert mail["Message-ID"] == "<alert-1@example.com>"
    assert "about 5,955 provider calls not made" in mail.get_content()
    assert [line for line in server.heard if line.startswith("RCPT")] == [
        "RCPT TO:<c4n4ry@example.com>",
        "RCPT TO:<grace@example.com>",
    ]


@pytest.mark.usefixtures("_elsewhere")
async def test_before_the_password_and_the_mail_there_is_tls() -> None:
    async with a_mail_server(starttls=certificate("good")) as server:
        await deliver(a_channel(server.port))

    assert server.mails
    assert {line.split()[0].upper() for line in server.in_the_clear} == {"EHLO", "STARTTLS"}


async def test_tls_from_the_start() -> None:
    async with a_mail_server(tls=certificate("good")) as server:
        await deliver(a_channel(server.port, scheme="smtps"))

    assert server.mails
    assert server.in_the_clear == []


@pytest.mark.usefixtures("_elsewhere")
async def test_a_server_without_tls_hears_neither_password_nor_mail() -> None:
    async with a_mail_server() as server:
        assert await refused(a_channel(server.port)) == "the mail server does not support TLS or is not an SMTP server"

    assert {line.split()[0].upper() for line in server.heard} <= {"EHLO", "QUIT"}


@pytest.mark.parametrize("name", ["untrusted", "expired", "elsewhere"])
@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
async def test_a_certificate_that_proves_nothing_is_refused(name: str, scheme: str) -> None:
    context = certificate(name)
    is_smtps = scheme == "smtps"
    async with a_mail_server(tls=context if is_smtps else None, starttls=None if is_smtps else context) as server:
        said = await refused(a_channel(server.port, scheme=scheme))

    assert said == "the mail server did not present a trusted certificate"
    assert server.mails == []


@pytest.mark.parametrize(
    ("command", "answer", "said"),
    [
        ("greeting", "554 go away", "the mail server answered 554"),
        ("greeting", "HTTP/1.1 400 Bad Request\r\n\r\n<html>", "the mail server"),
        ("AUTH", "535 c4n4ry is no user", "the mail server refused the user and password (535)"),
        ("MAIL", "451 c4n4ry later", "the mail server answered 451"),
        ("RCPT", "550 no such c4n4ry", "the mail server refused all recipients"),
        ("DATA", "421 closing", "the mail server answered 421"),
        ("mail", "552 too large", "the mail server answered 552"),
    ],
)
async def test_a_server_that_refuses_is_quoted_by_its_number_alone(command: str, answer: str, said: str) -> None:
    async with a_mail_server({command: answer}) as server:
        assert (await refused(a_channel(server.port))).startswith(said)


@pytest.mark.parametrize("command", ["greeting", "EHLO", "AUTH", "RCPT", "mail"])
async def test_a_server_that_hangs_is_given_up_in_time(command: str) -> None:
    async with a_mail_server({command: ""}) as server, asyncio.timeout(HUNG):
        assert await refused(a_channel(server.port), within=0.2) == "the mail server did not answer in time"


async def test_an_accepted_mail_is_delivered_regardless_of_the_end_of_the_session() -> None:
    async with a_mail_server({"QUIT": ""}) as server:
        await deliver(a_channel(server.port), within=0.5)

    assert server.mails


async def test_a_server_that_is_not_there_cannot_be_reached() -> None:
    async with a_mail_server() as server:
        port = server.port

    assert await refused(a_channel(port)) == "the mail server could not be reached"


async def test_without_a_user_there_is_no_login_and_an_escaped_user_is_decoded() -> None:
    async with a_mail_server() as server:
        await deliver(a_channel(server.port, user=""))
        await deliver(a_channel(server.port, user="ada%40example.com:p%3Aw@"))

    assert sum(line.startswith("AUTH") for line in server.heard) == 1
    assert len(server.mails) == 2
