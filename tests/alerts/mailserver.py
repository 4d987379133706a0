"""A mail server on loopback that takes a mail, or breaks where it is told to."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class MailServer:
    """What it says instead of what is usual, by the command that it answers; and what it was told.

    An empty answer is silence for ever. With *tls* it offers STARTTLS.
    """

    says: dict[str, str] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    port: int = 0
    heard: list[str] = field(default_factory=list)
    in_the_clear: list[str] = field(default_factory=list)
    mails: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._talk(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        is_secure = writer.get_extra_info("ssl_object") is not None
        await self._say(reader, writer, "greeting", "220 mail.example.com ESMTP")
        while True:
            line = (await reader.readuntil(b"\r\n")).decode().strip()
            word = line.split()[0].upper()
            self.heard.append(line)
            if not is_secure:
                self.in_the_clear.append(line)
            offers = "250-STARTTLS\r\n" if self.tls is not None and not is_secure else ""
            usual = {
                "EHLO": f"250-mail.example.com\r\n{offers}250 AUTH PLAIN LOGIN",
                "AUTH": "235 welcome",
                "DATA": "354 go on",
                "QUIT": "221 bye",
                "STARTTLS": "220 go on",
            }.get(word, "250 fine")
            said = await self._say(reader, writer, word, usual)
            if word == "STARTTLS" and self.tls is not None:
                await writer.start_tls(self.tls)
                is_secure = True
            if said.startswith("354"):
                self.mails.append((await reader.readuntil(b"\r\n.\r\n")).decode())
                await self._say(reader, writer, "mail", "250 taken")

    async def _say(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, command: str, usual: str) -> str:
        said = self.says.get(command, usual)
        if not said:
            await reader.read()
            raise ConnectionError
        writer.write(f"{said}\r\n".encode())
        await writer.drain()
        return said


@asynccontextmanager
async def a_mail_server(
    says: Mapping[str, str] | None = None, *, starttls: ssl.SSLContext | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[MailServer]:
    """Give a server for the length of a block, with TLS from the start where *tls* is given."""
    found = MailServer(says=dict(says or {}), tls=starttls)
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0, ssl=tls)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()
