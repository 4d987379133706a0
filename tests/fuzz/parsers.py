"""Each parser of text that others wrote: what it reads, what it may raise, and examples to begin from."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files
from inspect import signature
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
from asyncpg.connect_utils import _parse_connect_dsn_and_args
from asyncpg.exceptions import ClientConfigurationError

from reconcile.checklist import _ChecklistReader
from reconcile.domain.coordination import annotation
from reconcile.domain.evidence import booking_reference
from reconcile.errors import ContractFault, InputUnreadable, QuestionError, SettingsError
from reconcile.logs.entries import entries
from reconcile.providers.calendly import parsing as calendly_parsing
from reconcile.providers.fields import zone_named
from reconcile.providers.ghl import parsing as ghl_parsing
from reconcile.providers.ghl.absence import APPOINTMENT, says_not_found
from reconcile.providers.http.body import BodyFault, BodyReader
from reconcile.providers.http.call import Reply
from reconcile.providers.http.origin import BaseUrl
from reconcile.providers.http.rate_limits import RateHeaders, wait_of
from reconcile.store.db.address import Address
from reconcile.store.db.types import POSTGRESQL
from reconcile.store.mapping.mapping import PRESETS, parse_mapping
from reconcile.wire.retry_after import LONGEST_WAIT, retry_after
from tests.domain.factories import NOW
from tests.providers.calendly import bodies as calendly
from tests.providers.ghl import bodies as ghl

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Parser:
    """*read* takes any bytes at all: it returns, or raises one of *may_raise*; whatever else it does is a fault."""

    read: Callable[[bytes], object]
    may_raise: tuple[type[Exception], ...] = ()
    seeds: Sequence[bytes]

    def try_on(self, content: bytes) -> None:
        """Read *content*; raise what must not be raised."""
        try:
            self.read(content)
        except self.may_raise:
            return


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")


def _database(content: bytes) -> None:
    """Read an address, and let PostgreSQL's driver read what we make of it: it must not stumble over that."""
    address = Address.parse(_text(content))
    settings = dict(address.server_settings())
    if address.dialect == POSTGRESQL:
        # As asyncpg.connect begins; these are its own words for what it does not take, which we translate.
        with suppress(ClientConfigurationError):
            given = dict.fromkeys(signature(_parse_connect_dsn_and_args).parameters)
            _parse_connect_dsn_and_args(**{**given, "dsn": address.dsn, "server_settings": settings})


def _bodies(content: bytes) -> None:
    """Read one body as each of the answers that it may be taken for."""
    try:
        document = BodyReader().decode(content)
    except BodyFault:
        return
    zone = zone_named("Europe/Berlin")
    reads: Sequence[Callable[[Any], object]] = (
        lambda each: ghl_parsing.read_appointment(each, zone=zone),
        ghl_parsing.read_contact_appointments,
        ghl_parsing.read_contacts,
        ghl_parsing.read_time_zone,
        calendly_parsing.read_event,
        calendly_parsing.read_events,
        calendly_parsing.read_invitee,
        calendly_parsing.read_invitees,
        calendly_parsing.read_owner,
    )
    for read in reads:
        try:
            read(document)
        except ContractFault:
            continue
    ghl_parsing.needs_zone(document)
    for status in (400, 404):
        reply = Reply(status=status, body=document, message=_text(content[:80]))
        assert {says_not_found(reply, APPOINTMENT, "id"), calendly_parsing.is_missing(reply)} <= {True, False}


def _headers(content: bytes) -> None:
    value = _text(content)
    waits = retry_after([value], now=NOW), retry_after(value.split("\n"), now=NOW)
    assert all(wait is None or timedelta(0) <= wait <= LONGEST_WAIT for wait in waits)
    lines = [line.partition(b":") for line in content.split(b"\n")]
    headers = httpx.Headers([(name or b"retry-after", told) for name, _, told in lines])
    assert timedelta(0) <= wait_of(headers, RateHeaders.read(headers), now=NOW) <= LONGEST_WAIT


def _stored(content: bytes) -> None:
    stored = _text(content)
    canonical = booking_reference.canonical(stored)
    assert booking_reference.canonical(canonical) == canonical
    assert booking_reference.refers_to(stored, canonical)
    booking_reference.provider_of(stored)
    calendly_parsing.user_id(stored)


def _orders(content: bytes) -> None:
    text = _text(content)
    annotations = dict.fromkeys([*annotation.ORDERS, *annotation.WRITTEN], text) | {annotation.PREFIX + text[:80]: text}
    annotation.is_of_the_future(annotations)
    for order in annotation.read_orders(annotations).values():
        if isinstance(order, annotation.Misunderstood):
            assert order.fault


def _origin(content: bytes) -> None:
    base = BaseUrl.parse(_text(content), where="X")
    assert BaseUrl.parse(base.origin + base.prefix, where="X") == base


def _log(content: bytes) -> None:
    for entry in entries(BytesIO(content), name="a log"):
        assert entry.at is None or entry.at.tzinfo is not None


def _checklist(content: bytes) -> None:
    assert _ChecklistReader(name="x.yaml", now=NOW, since=None).steps(_text(content))


def _json(*documents: object) -> list[bytes]:
    return [json.dumps(each).encode() for each in documents]


_LINE = '2026-03-01T12:00:00.123Z ERROR GHL appointment response missing required ID field {"a": 1}'
PARSERS: Mapping[str, Parser] = {
    "bodies": Parser(
        read=_bodies,
        seeds=_json(
            {"event": ghl.RAW},
            {"events": [ghl.LISTED]},
            {"contacts": [ghl.CONTACT], "total": 1},
            {"location": {"timezone": "Asia/Kolkata"}},
            {"resource": calendly.EVENT},
            {"resource": {**calendly.INVITEE, "cancellation": calendly.CANCELLATION}},
            {"collection": [calendly.EVENT], "pagination": calendly.LAST_PAGE},
            {"collection": [calendly.INVITEE], "pagination": {"next_page": "https://x.example/?page_token=T"}},
        ),
    ),
    "headers": Parser(
        read=_headers,
        seeds=[
            b"120",
            b"1.5, 30",
            b"Sun, 06 Nov 1994 08:49:37 GMT",
            b"Sunday, 06-Nov-94 08:49:37 GMT",
            b"Sun Nov  6 08:49:37 1994",
            b"x-ratelimit-remaining: 0\nx-ratelimit-interval-milliseconds: 10000\nx-ratelimit-reset: 40",
        ],
    ),
    "stored": Parser(
        read=_stored,
        seeds=[
            ghl.RAW["id"].encode(),
            calendly.EVENT["uri"].encode(),
            calendly.INVITEE["uri"].encode(),
            b"http://user:pw@evil.example:99/scheduled_events/EV?x=1#y",
        ],
    ),
    "orders": Parser(
        read=_orders,
        seeds=[
            b"reason='vendor outage' for=2h actor=op",
            b'reason="x" breaker=provider:ghl until=2026-03-01T12:00:00Z',
            b"reason=x every=10m for=1d2h",
            *_json({"reason": "x", "for": "30m"}, {"version": 1, "state": "open"}),
        ],
    ),
    "mapping": Parser(
        read=lambda content: parse_mapping(_text(content), name="m.toml"),
        may_raise=(SettingsError,),
        seeds=[files("reconcile.store.mapping").joinpath("presets", f"{name}.toml").read_bytes() for name in PRESETS],
    ),
    "checklist": Parser(
        read=_checklist,
        may_raise=(QuestionError,),
        seeds=[
            b"since: 2h\nsteps:\n- title: t\n  ledger: {gone: [a, 'b'], max_error_rate: 2%, wait: 10m}\n",
            b"steps:\n- title: t\n  run: {workspaces: 2, dry_run: true}\n- title: u\n  verified: {since: 90m}\n",
            b'steps:\n- title: "\\u00e9"\n  logs: {file: a.log, present: x, since: 2026-03-01T12:00:00Z}\n',
        ],
    ),
    "log": Parser(
        read=_log,
        may_raise=(InputUnreadable,),
        seeds=[
            _LINE.encode(),
            f"[pod/reconcile-1/reconcile] {_LINE}\n".encode(),
            f"2026-03-01T12:00:00.1Z stderr P {_LINE[:40]}\n2026-03-01T12:00:00.1Z stderr F {_LINE[40:]}\n".encode(),
            *_json(
                {"log": _LINE + "\n", "stream": "stderr", "time": "2026-03-01T12:00:00.123456789Z"},
                {"timestamp": 1772366400123, "severity": "ERROR", "jsonPayload": {"leadsChecked": 5, "errors": 3}},
                [["1772366400123000000", _LINE]],
                {"events": [{"message": _LINE, "timestamp": 1772366400123}]},
                [{"field": "@message", "value": _LINE}],
            ),
            b'[\n {"data": {"result": [{"values": [["1772366400123000000", "x"]]}]}},\n',
        ],
    ),
    "origin": Parser(
        read=_origin,
        may_raise=(SettingsError,),
        seeds=[b"https://services.example.com:8443/v2/", b"http://[::1]:8080", b"https://u@x.example/?a#b"],
    ),
    "database": Parser(
        read=_database,
        may_raise=(SettingsError,),
        seeds=[b"sqlite:///x.db", b"postgresql://u:p@h1:1,h2:2/db?schema=a&pgbouncer=true", b"postgres://[::1]/d"],
    ),
}
