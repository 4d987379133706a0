"""Schemas of customers, as one finds them: quoted camelCase, native enums, keys of several types."""

import sqlite3
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from reconcile.domain.ids import LeadId
from reconcile.store.mapping.mapping import SchemaMapping, parse_mapping

ONE, TWO = (LeadId(str(UUID(int=n))) for n in (1, 2))
"""The leads of the camelCase schema, as its tests enter them."""

CAMEL = """
[workspace]
table = "app.Workspace"
[workspace.columns]
id = "id"
timezone = "timeZone"
ghl_location_id = "ghlLocationId"
ghl_token = "ghlToken"
calendly_user = "calendlyUser"
calendly_token = "calendlyToken"
active = "isActive"

[lead]
table = "app.Lead"
[lead.columns]
id = "leadId"
workspace_id = "workspaceId"
email = "eMail"
status = "status"
booking_id = "bookingId"
booking_provider = "bookingProvider"
booking_status = "bookingStatus"
booking_starts_at = "bookingStartTime"
booking_ends_at = "bookingEndTime"
in_sequence = "in Sequence"
last_inbound_at = "lastInboundAt"
attempted_at = "lastCheckedAt"
updated_at = "updatedAt"
[lead.status]
meeting-booked = "MEETING BOOKED"
qualified = "QUALIFIED"
keep = ["CUSTOMER", "LOST"]
[lead.booking_status]
confirmed = "CONFIRMED"
canceled = "CANCELED"

[appointment]
table = "app.Appointment"
[appointment.columns]
id = "id"
lead_id = "leadId"
workspace_id = "workspaceId"
appointment_id = "externalId"
provider = "provider"
status = "status"
starts_at = "startTime"
ends_at = "endTime"
created_at = "createdAt"
updated_at = "updatedAt"
[appointment.status]
confirmed = ["CONFIRMED", "NEW"]
canceled = "CANCELED"
no_show = "NO_SHOW"
[appointment.constants]
title = "Call"
source = "RECONCILER"

[provider]
ghl = "GHL"
calendly = "CALENDLY"
"""
"""Lacks contact_id, booking_canceled_at, canceled_at and replaces; bookings know two statuses only."""

CAMEL_POSTGRESQL = """
CREATE SCHEMA app;
CREATE TYPE app."LeadStatus" AS ENUM ('NEW', 'QUALIFIED', 'MEETING BOOKED', 'CUSTOMER', 'LOST');
CREATE TYPE app."BookingStatus" AS ENUM ('CONFIRMED', 'CANCELED', 'PENDING');
CREATE TYPE app."AppointmentStatus" AS ENUM ('NEW', 'CONFIRMED', 'CANCELED', 'NO_SHOW', 'INVALID');
CREATE TYPE app."Provider" AS ENUM ('GHL', 'CALENDLY', 'ZOOM');
CREATE TYPE app."Source" AS ENUM ('RECONCILER', 'WEBHOOK');
CREATE TABLE app."Workspace" (
    id serial PRIMARY KEY, "timeZone" varchar(64), "ghlLocationId" text, "ghlToken" text, "calendlyUser" text,
    "calendlyToken" text, "isActive" boolean
);
CREATE TABLE app."Lead" (
    "leadId" uuid PRIMARY KEY, "workspaceId" integer NOT NULL REFERENCES app."Workspace", "eMail" text,
    status app."LeadStatus" NOT NULL DEFAULT 'NEW', "bookingId" text, "bookingProvider" app."Provider",
    "bookingStatus" app."BookingStatus", "bookingStartTime" timestamp(3), "bookingEndTime" timestamp(3),
    "in Sequence" boolean, "lastInboundAt" timestamptz, "lastCheckedAt" timestamp(3), "updatedAt" timestamp(3)
);
CREATE TABLE app."Appointment" (
    id uuid PRIMARY KEY, "leadId" uuid NOT NULL REFERENCES app."Lead", "workspaceId" bigint NOT NULL,
    "externalId" text NOT NULL UNIQUE, provider app."Provider" NOT NULL, status app."AppointmentStatus" NOT NULL,
    "startTime" timestamp(3), "endTime" timestamp(3), title text NOT NULL, source app."Source" NOT NULL,
    "createdAt" timestamp(3) NOT NULL, "updatedAt" timestamp(3) NOT NULL
);
"""

CAMEL_SQLITE = """
CREATE TABLE "Workspace" (
    id INTEGER PRIMARY KEY, "timeZone" TEXT, "ghlLocationId" TEXT, "ghlToken" TEXT, "calendlyUser" TEXT,
    "calendlyToken" TEXT, "isActive" BOOLEAN
);
CREATE TABLE "Lead" (
    "leadId" TEXT PRIMARY KEY, "workspaceId" INTEGER NOT NULL REFERENCES "Workspace", "eMail" TEXT,
    status TEXT NOT NULL DEFAULT 'NEW', "bookingId" TEXT, "bookingProvider" TEXT, "bookingStatus" TEXT,
    "bookingStartTime" DATETIME, "bookingEndTime" INTEGER, "in Sequence" BOOLEAN, "lastInboundAt" DATETIME,
    "lastCheckedAt" DATETIME, "updatedAt" DATETIME
);
CREATE TABLE "Appointment" (
    id TEXT PRIMARY KEY NOT NULL, "leadId" TEXT NOT NULL REFERENCES "Lead", "workspaceId" INTEGER NOT NULL,
    "externalId" TEXT NOT NULL UNIQUE, provider TEXT NOT NULL, status TEXT NOT NULL, "startTime" INTEGER,
    "endTime" DATETIME, title TEXT NOT NULL, source TEXT NOT NULL, "createdAt" DATETIME NOT NULL,
    "updatedAt" DATETIME NOT NULL
);
"""

BARE = """
[workspace]
table = "account"
[workspace.columns]
id = "no"

[lead]
table = "person"
[lead.columns]
id = "no"
workspace_id = "account_no"
last_inbound_at = "wrote_at"
"""
"""Has next to nothing: all that a change writes lives in our side tables."""

BARE_SCHEMA = """
CREATE TABLE account (no bigint PRIMARY KEY);
CREATE TABLE person (no bigint PRIMARY KEY, account_no bigint NOT NULL, wrote_at {instant});
"""

SPREAD = """
[workspace]
table = "account"
where = "archived = 0"
[workspace.columns]
id = "no"
timezone = { sql = "(SELECT z.name FROM zone z WHERE z.account_no = account.no)" }
active = "is_on"

[lead]
table = "person"
where = "deleted IS NULL"
[lead.columns]
id = "no"
workspace_id = "account_no"
email = { sql = "(SELECT a.address FROM address a WHERE a.person_no = person.no)" }
status = "stage"
booking_id = { ghl = "ghl_id", calendly = "calendly_uri" }
booking_status = "is_canceled"
booking_starts_at = { date = "on_day", time = "at_time" }
booking_ends_at = { column = "ends_s", epoch = "s" }
booking_canceled_at = { column = "canceled_ms", epoch = "ms" }
in_sequence = "seq"
last_inbound_at = { column = "wrote_ms", epoch = "ms" }
attempted_at = { column = "seen_s", epoch = "s" }
[lead.status]
meeting-booked = 2
qualified = 1
keep = [3]
[lead.booking_status]
confirmed = false
canceled = true
[lead.on_change]
changes = { sql = "person.changes + 1" }
stage_changes = { sql = "person.stage_changes + 1", when = "status" }

[appointment]
table = "meeting"
[appointment.columns]
lead_id = "person_no"
appointment_id = { ghl = "ghl_id", calendly = "calendly_uri" }
status = "state"
starts_at = { date = "on_day", time = "at_time" }
[appointment.status]
confirmed = 1
canceled = 2
[appointment.constants]
made = { sql = "20 + 1" }
[appointment.on_change]
changed = 1
"""
"""Its columns hold what ours do in other ways: one for each provider, numbers, dates and times, expressions."""

SPREAD_SCHEMA = """
CREATE TABLE account (no bigint PRIMARY KEY, archived integer NOT NULL DEFAULT 0, is_on smallint);
CREATE TABLE zone (account_no bigint, name text);
CREATE TABLE person (
    no bigint PRIMARY KEY, account_no bigint NOT NULL, stage smallint DEFAULT 0, ghl_id text, calendly_uri text,
    is_canceled boolean, on_day date, at_time time, ends_s bigint, canceled_ms bigint, seq smallint, wrote_ms bigint,
    seen_s bigint, deleted integer, changes integer DEFAULT 0, stage_changes integer DEFAULT 0
);
CREATE TABLE address (person_no bigint, address text);
CREATE TABLE meeting (
    person_no bigint NOT NULL, ghl_id text UNIQUE, calendly_uri text UNIQUE, state integer NOT NULL, on_day date,
    at_time time, made integer NOT NULL, changed integer
);
"""


@dataclass(frozen=True)
class Customer:
    """A database with a schema of its own, and the mapping of it."""

    url: str
    mapping: SchemaMapping

    async def execute(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Execute one statement as somebody else would; placeholders are ``$1``."""
        if self.url.startswith("sqlite"):
            with sqlite3.connect(self.url.removeprefix("sqlite:///")) as connection:
                numbered = statement.replace("app.", "").replace("$", "?")
                return connection.execute(numbered, values).fetchall()
        connection = await asyncpg.connect(self.url)
        try:
            return [tuple(row) for row in await connection.fetch(statement, *values)]
        finally:
            await connection.close()

    async def script(self, statements: str) -> None:
        """Execute several statements."""
        if self.url.startswith("sqlite"):
            with sqlite3.connect(self.url.removeprefix("sqlite:///")) as connection:
                connection.executescript(statements)
            return
        connection = await asyncpg.connect(self.url)
        try:
            await connection.execute(statements)
        finally:
            await connection.close()


async def camel(url: str) -> Customer:
    """Make the camelCase schema in an empty database."""
    customer = camel_customer(url)
    await customer.script(CAMEL_SQLITE if url.startswith("sqlite") else CAMEL_POSTGRESQL)
    return customer


def camel_customer(url: str) -> Customer:
    """Return the customer of a database that has this schema."""
    text = CAMEL.replace("app.", "") if url.startswith("sqlite") else CAMEL
    return Customer(url, parse_mapping(text, name="camel.toml"))


async def bare(url: str) -> Customer:
    """Make the bare schema in an empty database."""
    customer = Customer(url, parse_mapping(BARE, name="bare.toml"))
    await customer.script(BARE_SCHEMA.format(instant="DATETIME" if url.startswith("sqlite") else "timestamptz"))
    return customer


async def spread(url: str) -> Customer:
    """Make the schema of other spellings in an empty database."""
    customer = Customer(url, parse_mapping(SPREAD, name="spread.toml"))
    await customer.script(SPREAD_SCHEMA)
    return customer
