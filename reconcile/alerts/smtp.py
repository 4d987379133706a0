"""E-mail by a mail server over TLS, from the start or by STARTTLS."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

import aiosmtplib

from reconcile.alerts.text import plain, subject
from reconcile.domain.alert import Message
from reconcile.errors import AlertNotDelivered
from reconcile.ports import Clock

_NAME = "the mail server"
_PORTS = {"smtp": 587, "smtps": 465}
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Smtp:
    """One mail server. A repeated mail has the same Message-ID."""

    name = "email"
    takes_many = True

    def __init__(
        self, url: str, *, sender: str, recipients: Sequence[str], tls: Callable[[], ssl.SSLContext], clock: Clock
    ) -> None:
        self._server = urlsplit(url)
        self._sender = sender
        self._recipients = list(recipients)
        self._tls = tls
        self._clock = clock

    async def deliver(self, message: Message, *, deadline: float) -> None:
        """Send one mail to all recipients."""
        failure: AlertNotDelivered | None = None
        is_taken = False
        client = self._client()
        # raised here without a context: the library's exception may hold addresses
        try:
            async with asyncio.timeout(max(deadline - self._clock.monotonic(), 0)):
                await client.connect()
                await client.send_message(self._mail(message))
                is_taken = True  # an error after the mail was accepted does not matter
                await client.quit()
        except (TimeoutError, aiosmtplib.SMTPTimeoutError):
            failure = AlertNotDelivered(f"{_NAME} did not answer in time")
        except aiosmtplib.SMTPAuthenticationError as error:
            failure = AlertNotDelivered(f"{_NAME} refused the user and password ({error.code})")
        except aiosmtplib.SMTPRecipientsRefused:
            failure = AlertNotDelivered(f"{_NAME} refused all recipients")
        except aiosmtplib.SMTPResponseException as error:
            failure = AlertNotDelivered(f"{_NAME} answered {error.code}")
        except (aiosmtplib.SMTPConnectError, aiosmtplib.SMTPServerDisconnected, OSError) as error:
            is_certificate = isinstance(error.__cause__ or error, ssl.SSLError)
            what = "did not present a trusted certificate" if is_certificate else "could not be reached"
            failure = AlertNotDelivered(f"{_NAME} {what}")
        except aiosmtplib.SMTPException:
            failure = AlertNotDelivered(f"{_NAME} does not support TLS or is not an SMTP server")
        finally:
            client.close()
        if failure is not None and not is_taken:
            raise failure

    def _client(self) -> aiosmtplib.SMTP:
        server = self._server
        is_smtps = server.scheme == "smtps"
        # Without TLS, mail is sent only to a server on this machine.
        start_tls = False if is_smtps else None if server.hostname in _LOOPBACK else True
        return aiosmtplib.SMTP(
            hostname=server.hostname,
            port=server.port or _PORTS[server.scheme],
            username=unquote(server.username) if server.username else None,
            password=unquote(server.password) if server.password else None,
            local_hostname=socket.gethostname(),  # the default is a DNS look-up, which takes time
            use_tls=is_smtps,
            start_tls=start_tls,
            tls_context=self._tls(),
            timeout=None,
        )

    def _mail(self, message: Message) -> EmailMessage:
        mail = EmailMessage()
        mail["From"] = self._sender
        mail["To"] = ", ".join(self._recipients)
        mail["Subject"] = " ".join(subject(message).split())
        mail["Date"] = message.at
        mail["Message-ID"] = f"<{message.key}@{self._sender.rpartition('@')[2]}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(plain(message))
        return mail
