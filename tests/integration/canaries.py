"""Words that must never come out again, put into every input; and everywhere that they could come out."""

import asyncio
import base64
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from reconcile.simulator import Api, Fault, Simulator, World, simulate
from reconcile.simulator.faults.response_faults import deliver
from reconcile.simulator.router import Router
from reconcile.simulator.wire import Delivery, Request, SimulatedResponse
from tests.substitution import substitute_in_test

MARK = "kanarie"
"""In every canary, so that a new one is looked for without being listed."""
GHL_TOKEN, CALENDLY_TOKEN = f"pit-{MARK}-ghl-token", f"eyJ{MARK}.calendly.token"
MOUNTED_TOKEN = f"pit-{MARK}-mounted-token"
PASSWORD = f"{MARK}Password7"
SECRET = f"{MARK}-webhook-secret"
NAME = f"Anna{MARK.title()} Sanders"
EMAIL = f"anna.{MARK}@kanaries.example"
HOST_EMAIL = f"host.{MARK}@kanaries.example"
WORKSPACES = ("ws-1", "ws-2")
LEADS = 2
PERSONAL: Mapping[str, Any] = {
    "title": f"Knee surgery of {NAME}",
    "notes": f"call {EMAIL} at +31 6 {MARK}",
    "address": f"https://meet.example/{MARK}",
    "questions_and_answers": [{"question": "Why?", "answer": f"{MARK} is ill"}],
    EMAIL: True,
    NAME: {MARK.upper(): 1},
    f"{MARK}2026": "a number plate",
}
"""What bodies hold of people beyond what we read: as values, and as the names of keys."""
FIELDS = (
    *("startTime", "endTime", "appointmentStatus", "id", "contactId", "locationId", "dateAdded", "dateUpdated"),
    *("uri", "status", "start_time", "end_time", "created_at", "updated_at", "email", "rescheduled", "old_invitee"),
    *("new_invitee", "cancellation", "no_show", "timezone", "emails", "deleted"),
)
"""What we do read."""


def found(text: str) -> list[str]:
    """Return where a canary sings in *text*, in whatever form it may have been put."""
    plain = text.casefold()
    shapes = {
        "as it is": MARK,
        "backwards": MARK[::-1],
        "in percents": quote(MARK.encode(), safe="").casefold(),
        "in every percent": "".join(f"%{byte:02x}" for byte in MARK.encode()),
        "in hexadecimal": MARK.encode().hex(),
        "escaped": "".join(f"\\u{ord(each):04x}" for each in MARK),
    }
    hits = {name: shape for name, shape in shapes.items() if shape in plain}
    for word in (MARK, MARK.title(), MARK.upper()):
        # Of three alignments; the first and the last characters hold bits of the neighbours.
        hits |= {f"in base64 ({n})": s for n in range(3) if (s := _base64(word, n)) in text}
    return [f"{name}: …{_around(plain, shape.casefold())}…" for name, shape in hits.items()]


def _base64(word: str, offset: int) -> str:
    return base64.b64encode(b"\0" * offset + word.encode()).decode()[4 if offset else 0 : -4]


def _around(text: str, shape: str) -> str:
    at = text.find(shape)
    return text[max(0, at - 60) : at + 40]


def a_world() -> World:
    """Return a world whose people and tokens are canaries: leads at both providers, most of them booked."""
    world = World(now=lambda: datetime.now(UTC))
    slot = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=3)
    for workspace in WORKSPACES:
        world.ghl.add_location(id=f"loc-{workspace}", token=f"{GHL_TOKEN}-{workspace}", workspace=workspace)
        user = world.calendly.add_user(id=f"user-{workspace}", token=CALENDLY_TOKEN + workspace, workspace=workspace)
        world.calendly.users[user.id] = world.calendly.by_token[user.token] = replace(user, email=HOST_EMAIL, name=NAME)
        for number in range(LEADS):
            name, at = f"{workspace}-{number}", slot + timedelta(hours=number)
            world.ghl.add_contact(f"loc-{workspace}", id=f"con-{name}", email=f"{name}.{EMAIL}", name=NAME)
            world.ghl.add_booking(f"con-{name}", id=f"app-{name}", starts_at=at)
            world.calendly.add_event(f"user-{workspace}", id=f"ev-{name}", starts_at=at)
            world.calendly.invite(f"ev-{name}", id=f"inv-{name}", email=f"{name}.{EMAIL}", name=NAME)
    return world


@dataclass(frozen=True, slots=True)
class Server:
    """A simulator in a thread of its own, for tests that call commands."""

    simulator: Simulator
    loop: asyncio.AbstractEventLoop

    def switch(self, *faults: Fault) -> None:
        """Switch these faults on and all others off."""

        def switch() -> None:
            self.simulator.faults.clear()
            self.simulator.faults.add(*faults)

        self.do(switch)

    def do(self, action: Callable[[], None]) -> None:
        """Do something where the simulator lives, and wait until it is done."""
        done = threading.Event()
        self.loop.call_soon_threadsafe(action)
        self.loop.call_soon_threadsafe(done.set)
        assert done.wait(10)


@contextmanager
def served(world: World) -> Iterator[Server]:
    """Serve *world* for the length of a block."""
    ready: list[Server] = []
    is_ready, end = threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with simulate(world) as simulator:
            ready.append(Server(simulator, asyncio.get_running_loop()))
            is_ready.set()
            await end.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        assert is_ready.wait(10)
        yield ready[0]
    finally:
        ready[0].loop.call_soon_threadsafe(end.set)
        thread.join()


def talkative_simulator(monkeypatch: pytest.MonkeyPatch) -> list[Request]:
    """Let the simulator put people into all it says, and be the webhook too; return what is delivered to it."""
    respond = Router.respond
    deliveries: list[Request] = []

    def noting(self: Router, api: Api, request: Request) -> Delivery:
        if not request.path.startswith("/hooks/"):
            return respond(self, api, request)
        deliveries.append(request)
        return deliver(SimulatedResponse(status=200, payload={}), {}, latency=0)

    substitute_in_test(monkeypatch, deliver, lambda answer, *a, **k: deliver(talkative(answer), *a, **k))
    monkeypatch.setattr(Router, "respond", noting)
    return deliveries


def talkative(answer: SimulatedResponse) -> SimulatedResponse:
    """Put people into an answer, wherever there is room: bodies of successes, of errors, pages of proxies."""
    if isinstance(answer.payload, bytes):
        page = answer.payload.replace(b"<body>", f"<body>{NAME} {EMAIL}".encode())
        return replace(answer, payload=page)
    return replace(answer, payload=_told(answer.payload))


def _told(value: Any) -> Any:
    if isinstance(value, list):
        return [_told(each) for each in value]
    if not isinstance(value, dict):
        return value
    told = {name: _told(each) for name, each in value.items()}
    if isinstance(message := told.get("message"), str):
        told["message"] = f"{message} ({NAME}, {EMAIL})"
    return {**PERSONAL, **told}


def tables_of(path: Path) -> Iterable[tuple[str, str]]:
    """Return our own tables in an SQLite file, each with all that is in it."""
    with closing(sqlite3.connect(path)) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE name LIKE 'reconcile%' AND type = 'table'")
        for (name,) in names.fetchall():
            yield name, "\n".join(map(str, connection.execute(f'SELECT * FROM "{name}"').fetchall()))  # noqa: S608
