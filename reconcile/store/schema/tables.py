"""Our own tables, as statements name them; how they come to be is in ``migrations``."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Float, Identity, Integer, MetaData, Table

from reconcile.store.db.types import Instant, Words

metadata = MetaData()

run = Table(
    "reconcile_run",
    metadata,
    Column("id", Words, primary_key=True),
    Column("started_at", Instant, nullable=False),
    Column("finished_at", Instant),
    Column("trigger", Words, nullable=False),
    Column("version", Words, nullable=False),
    Column("report", JSON),
)

batch = Table(
    "reconcile_batch",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), Identity(), primary_key=True),
    Column("run_id", Words, nullable=False, index=True),
    Column("workspace_id", Words, nullable=False, index=True),
    Column("started_at", Instant, nullable=False),
    Column("finished_at", Instant, nullable=False),
    Column("counts", JSON, nullable=False),
)

workspace_state = Table(
    "reconcile_workspace_state",
    metadata,
    Column("workspace_id", Words, primary_key=True),
    Column("visited_at", Instant),
    Column("not_before", Instant),
)

# From contact_id on: what stands in for columns that the customer's lead table lacks, and the exact status where their
# words cannot tell it.
lead_state = Table(
    "reconcile_lead_state",
    metadata,
    Column("lead_id", Words, primary_key=True),
    Column("workspace_id", Words, nullable=False),
    Column("attempted_at", Instant),
    Column("verified_at", Instant),
    Column("next_attempt_at", Instant),
    Column("failure_count", Integer, nullable=False, server_default="0"),
    Column("quarantined_at", Instant),
    Column("reason", Words),
    Column("absent_since", Instant),
    Column("mismatch", Words),
    Column("mismatch_at", Instant),
    Column("contact_id", Words),
    Column("status", Words),
    Column("booking_id", Words),
    Column("booking_provider", Words),
    Column("booking_status", Words),
    Column("booking_starts_at", Instant),
    Column("booking_ends_at", Instant),
    Column("booking_canceled_at", Instant),
)

# Whole appointments where the customer has no table for them, else what their table lacks.
appointment_state = Table(
    "reconcile_appointment_state",
    metadata,
    Column("lead_id", Words, primary_key=True),
    Column("appointment_id", Words, primary_key=True),
    Column("provider", Words),
    Column("status", Words),
    Column("starts_at", Instant),
    Column("ends_at", Instant),
    Column("canceled_at", Instant),
    Column("replaces", Words),
)

change = Table(
    "reconcile_change",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), Identity(), primary_key=True),
    Column("run_id", Words, nullable=False, index=True),
    Column("workspace_id", Words, nullable=False),
    Column("lead_id", Words, nullable=False, index=True),
    Column("outcome", Words, nullable=False),
    Column("at", Instant, nullable=False),
    Column("before", JSON, nullable=False),
    Column("after", JSON, nullable=False),
)

signature = Table(
    "reconcile_signature",
    metadata,
    Column("digest", Words, primary_key=True),
    Column("provider", Words, nullable=False),
    Column("operation", Words, nullable=False),
    Column("error_class", Words, nullable=False),
    Column("message", Words, nullable=False),
    Column("shape", JSON, nullable=False),
    Column("first_seen_at", Instant, nullable=False),
    Column("last_seen_at", Instant, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("last_workspace_id", Words, nullable=False),
)

# The same failures, by run and workspace: in which version of the program, and whom they hit.
signature_run = Table(
    "reconcile_signature_run",
    metadata,
    Column("digest", Words, primary_key=True),
    Column("run_id", Words, primary_key=True),
    Column("workspace_id", Words, primary_key=True),
    Column("first_seen_at", Instant, nullable=False),
    Column("last_seen_at", Instant, nullable=False),
    Column("count", BigInteger, nullable=False),
)

breaker = Table(
    "reconcile_breaker",
    metadata,
    Column("scope", Words, primary_key=True),
    Column("name", Words, primary_key=True),
    Column("state", Words, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("reason", Words, nullable=False),
    Column("since", Instant),
    Column("opened_at", Instant),
    Column("cooldown_seconds", Float),
    Column("next_probe_at", Instant),
    Column("stage", Integer, nullable=False),
    Column("checks", Integer, nullable=False),
    Column("errors", Integer, nullable=False),
    Column("fault", Words),
    Column("tripped_by", Words),
    Column("is_held", Boolean, nullable=False),
    Column("override", JSON),
    Column("saved_at", Instant, nullable=False),
)

lease = Table(
    "reconcile_lease",
    metadata,
    Column("name", Words, primary_key=True),
    Column("holder", Words, nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("expires_at", Instant, nullable=False),
)

# The last three columns: a smaller limit that a provider's headers told of, and until when that is believed.
budget = Table(
    "reconcile_budget",
    metadata,
    Column("key", Words, primary_key=True),
    Column("arrival_at", Instant, nullable=False),
    Column("limit_interval_seconds", Float),
    Column("limit_burst", Integer),
    Column("limit_until", Instant),
)

outbox = Table(
    "reconcile_outbox",
    metadata,
    Column("key", Words, primary_key=True),
    Column("kind", Words, nullable=False),
    Column("workspace_id", Words, nullable=False),
    Column("lead_id", Words, nullable=False),
    Column("appointment_id", Words, nullable=False),
    Column("run_id", Words, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_attempt_at", Instant),
    Column("delivered_at", Instant),
    Column("given_up_at", Instant),
    Column("reason", Words),
)

cadence = Table(
    "reconcile_cadence",
    metadata,
    Column("name", Words, primary_key=True),
    Column("every_seconds", Float, nullable=False),
    Column("reason", Words, nullable=False),
    Column("actor", Words, nullable=False),
    Column("source", Words, nullable=False),
    Column("set_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
)

order = Table(
    "reconcile_order",
    metadata,
    Column("key", Words, primary_key=True),
    Column("value", Words, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("fault", Words),
    Column("until", Instant),
)

# *heard* holds for each channel what it has confirmed last.
alert = Table(
    "reconcile_alert",
    metadata,
    Column("key", Words, primary_key=True),
    Column("kind", Words, nullable=False),
    Column("subject", Words, nullable=False),
    Column("since", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("over_at", Instant),
    Column("text", Words, nullable=False),
    Column("coming", Words, nullable=False),
    Column("commands", JSON, nullable=False),
    Column("level", Words, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("usual_calls", BigInteger, nullable=False),
    Column("saved_calls", BigInteger, nullable=False),
    Column("counted_run", Words),
    Column("heard", JSON, nullable=False),
    Column("generation", BigInteger, nullable=False),
)

alert_channel = Table(
    "reconcile_alert_channel",
    metadata,
    Column("name", Words, primary_key=True),
    Column("known_since", Instant, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("failing_since", Instant),
    Column("fault", Words),
    Column("not_before", Instant),
)

# *asked* holds the words that it was asked for with, *summary* what it came to, *held* why it waits for a person.
backfill = Table(
    "reconcile_backfill",
    metadata,
    Column("id", Words, primary_key=True),
    Column("made_at", Instant, nullable=False),
    Column("asked", JSON, nullable=False),
    Column("selected", Integer, nullable=False),
    Column("planned_at", Instant),
    Column("hash", Words),
    Column("summary", JSON, nullable=False),
    Column("held", JSON, nullable=False),
    Column("approved_hash", Words),
    Column("applied_at", Instant),
)

# From outcome to mismatch: what the plan says; a plan's hash is made of it. *owner* is the provider of the booking.
backfill_lead = Table(
    "reconcile_backfill_lead",
    metadata,
    Column("plan_id", Words, primary_key=True),
    Column("lead_id", Words, primary_key=True),
    Column("workspace_id", Words, nullable=False),
    Column("owner", Words),
    Column("state", Words, nullable=False),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("outcome", Words),
    Column("verified_at", Instant),
    Column("facts", Words),
    Column("change", JSON),
    Column("is_absent", Boolean),
    Column("mismatch", Words),
    Column("before", JSON),
    Column("after", JSON),
    Column("reason", Words),
    Column("run_id", Words),
    Column("moved_at", Instant),
)
