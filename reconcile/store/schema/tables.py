"""Our own tables for statements; ``migrations`` creates them."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Float, Identity, Integer, MetaData, Table

from reconcile.store.db.types import CleanText, Instant

metadata = MetaData()

run = Table(
    "reconcile_run",
    metadata,
    Column("id", CleanText, primary_key=True),
    Column("started_at", Instant, nullable=False),
    Column("finished_at", Instant),
    Column("trigger", CleanText, nullable=False),
    Column("version", CleanText, nullable=False),
    Column("report", JSON),
)

# The calls of a run in their order, apart from its report, which is read more often; *record* is a call record.
run_calls = Table(
    "reconcile_run_calls",
    metadata,
    Column("run_id", CleanText, primary_key=True),
    Column("calls", Integer, nullable=False),
    Column("checks", Integer, nullable=False),
    Column("errors", Integer, nullable=False),
    Column("is_quiet", Boolean, nullable=False),
    Column("is_shadow", Boolean, nullable=False),
    Column("record", JSON, nullable=False),
)

batch = Table(
    "reconcile_batch",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), Identity(), primary_key=True),
    Column("run_id", CleanText, nullable=False),
    Column("workspace_id", CleanText, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("finished_at", Instant, nullable=False),
    Column("counts", JSON, nullable=False),
)

workspace_state = Table(
    "reconcile_workspace_state",
    metadata,
    Column("workspace_id", CleanText, primary_key=True),
    Column("visited_at", Instant),
    Column("not_before", Instant),
)

# From contact_id on: columns that the customer's lead table lacks, and the exact status if the customer has no
# value for it.
lead_state = Table(
    "reconcile_lead_state",
    metadata,
    Column("lead_id", CleanText, primary_key=True),
    Column("workspace_id", CleanText, nullable=False),
    Column("attempted_at", Instant),
    Column("verified_at", Instant),
    Column("next_attempt_at", Instant),
    Column("failure_count", Integer, nullable=False, server_default="0"),
    Column("quarantined_at", Instant),
    Column("reason", CleanText),
    Column("absent_since", Instant),
    Column("mismatch", CleanText),
    Column("mismatch_at", Instant),
    Column("occurrence", Integer, nullable=False, server_default="0"),
    Column("contact_id", CleanText),
    Column("status", CleanText),
    Column("booking_id", CleanText),
    Column("booking_provider", CleanText),
    Column("booking_status", CleanText),
    Column("booking_starts_at", Instant),
    Column("booking_ends_at", Instant),
    Column("booking_canceled_at", Instant),
)

# Whole appointments if the customer has no table for them, else the columns that their table lacks.
appointment_state = Table(
    "reconcile_appointment_state",
    metadata,
    Column("lead_id", CleanText, primary_key=True),
    Column("appointment_id", CleanText, primary_key=True),
    Column("provider", CleanText),
    Column("status", CleanText),
    Column("starts_at", Instant),
    Column("ends_at", Instant),
    Column("canceled_at", Instant),
    Column("replaces", CleanText),
)

change = Table(
    "reconcile_change",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), Identity(), primary_key=True),
    Column("run_id", CleanText, nullable=False),
    Column("workspace_id", CleanText, nullable=False),
    Column("lead_id", CleanText, nullable=False),
    Column("outcome", CleanText, nullable=False),
    Column("at", Instant, nullable=False),
    Column("before", JSON, nullable=False),
    Column("after", JSON, nullable=False),
)

signature = Table(
    "reconcile_signature",
    metadata,
    Column("digest", CleanText, primary_key=True),
    Column("provider", CleanText, nullable=False),
    Column("operation", CleanText, nullable=False),
    Column("error_class", CleanText, nullable=False),
    Column("message", CleanText, nullable=False),
    Column("shape", JSON, nullable=False),
    Column("first_seen_at", Instant, nullable=False),
    Column("last_seen_at", Instant, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("last_workspace_id", CleanText, nullable=False),
)

# The same failures by run and workspace, with the program's version.
signature_run = Table(
    "reconcile_signature_run",
    metadata,
    Column("digest", CleanText, primary_key=True),
    Column("run_id", CleanText, primary_key=True),
    Column("workspace_id", CleanText, primary_key=True),
    Column("first_seen_at", Instant, nullable=False),
    Column("last_seen_at", Instant, nullable=False),
    Column("count", BigInteger, nullable=False),
)

breaker = Table(
    "reconcile_breaker",
    metadata,
    Column("scope", CleanText, primary_key=True),
    Column("name", CleanText, primary_key=True),
    Column("state", CleanText, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("reason", CleanText, nullable=False),
    Column("since", Instant),
    Column("opened_at", Instant),
    Column("cooldown_seconds", Float),
    Column("next_probe_at", Instant),
    Column("stage", Integer, nullable=False),
    Column("checks", Integer, nullable=False),
    Column("errors", Integer, nullable=False),
    Column("fault", CleanText),
    Column("tripped_by", CleanText),
    Column("is_held", Boolean, nullable=False),
    Column("override", JSON),
    Column("saved_at", Instant, nullable=False),
)

lease = Table(
    "reconcile_lease",
    metadata,
    Column("name", CleanText, primary_key=True),
    Column("holder", CleanText, nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("expires_at", Instant, nullable=False),
)

# The last three columns: a smaller limit learned from a provider's headers, and until when it is used.
budget = Table(
    "reconcile_budget",
    metadata,
    Column("key", CleanText, primary_key=True),
    Column("arrival_at", Instant, nullable=False),
    Column("limit_interval_seconds", Float),
    Column("limit_burst", Integer),
    Column("limit_until", Instant),
)

# What an account's headers left of its day at *read_at*, and the calls that were counted in the present hour of the
# measurement and in the one before. *used_up_at* is set if the calls will not suffice.
account_day = Table(
    "reconcile_account_day",
    metadata,
    Column("key", CleanText, primary_key=True),
    Column("provider", CleanText, nullable=False),
    Column("workspace_id", CleanText, nullable=False),
    Column("read_at", Instant, nullable=False),
    Column("calls_left", BigInteger, nullable=False),
    Column("ends_at", Instant, nullable=False),
    Column("cadence", CleanText, nullable=False),
    Column("hour_seconds", Float, nullable=False),
    Column("hour_calls", BigInteger, nullable=False),
    Column("hour_own_calls", BigInteger, nullable=False),
    Column("before_seconds", Float, nullable=False),
    Column("before_calls", BigInteger, nullable=False),
    Column("before_own_calls", BigInteger, nullable=False),
    Column("used_up_at", Instant),
)

# Kinds of changes that a run holds back until a person approves them by *hash*.
change_hold = Table(
    "reconcile_change_hold",
    metadata,
    Column("kind", CleanText, primary_key=True),
    Column("scope", CleanText, primary_key=True),
    Column("since", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("hash", CleanText, nullable=False),
    Column("run_id", CleanText, nullable=False),
    Column("leads", Integer, nullable=False),
    Column("written", Integer, nullable=False),
    Column("checked", Integer, nullable=False),
    Column("shift", CleanText),
    Column("approved_until", Instant),
    Column("approved_by", CleanText),
    Column("reason", CleanText),
)

outbox = Table(
    "reconcile_outbox",
    metadata,
    Column("key", CleanText, primary_key=True),
    Column("kind", CleanText, nullable=False),
    Column("workspace_id", CleanText, nullable=False),
    Column("lead_id", CleanText, nullable=False),
    Column("appointment_id", CleanText, nullable=False),
    Column("run_id", CleanText, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_attempt_at", Instant),
    Column("delivered_at", Instant),
    Column("given_up_at", Instant),
    Column("reason", CleanText),
)

cadence = Table(
    "reconcile_cadence",
    metadata,
    Column("name", CleanText, primary_key=True),
    Column("every_seconds", Float, nullable=False),
    Column("reason", CleanText, nullable=False),
    Column("actor", CleanText, nullable=False),
    Column("source", CleanText, nullable=False),
    Column("set_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
)

# *place*: the customer's table and the columns that name a row of it; *mapping*: the mapping's name.
mapping = Table(
    "reconcile_mapping",
    metadata,
    Column("section", CleanText, primary_key=True),
    Column("place", CleanText, nullable=False),
    Column("mapping", CleanText, nullable=False),
)

order = Table(
    "reconcile_order",
    metadata,
    Column("key", CleanText, primary_key=True),
    Column("value", CleanText, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("fault", CleanText),
    Column("until", Instant),
)

# *heard*: for each channel, the last notification that it confirmed.
alert = Table(
    "reconcile_alert",
    metadata,
    Column("key", CleanText, primary_key=True),
    Column("kind", CleanText, nullable=False),
    Column("subject", CleanText, nullable=False),
    Column("since", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("over_at", Instant),
    Column("text", CleanText, nullable=False),
    Column("coming", CleanText, nullable=False),
    Column("commands", JSON, nullable=False),
    Column("level", CleanText, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("usual_calls", BigInteger, nullable=False),
    Column("saved_calls", BigInteger, nullable=False),
    Column("counted_run", CleanText),
    Column("heard", JSON, nullable=False),
    Column("generation", BigInteger, nullable=False),
)

alert_channel = Table(
    "reconcile_alert_channel",
    metadata,
    Column("name", CleanText, primary_key=True),
    Column("known_since", Instant, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("failing_since", Instant),
    Column("fault", CleanText),
    Column("not_before", Instant),
)

# *asked*: the selection's arguments; *summary*: the counts of the plan; *held*: why it needs an approval.
backfill = Table(
    "reconcile_backfill",
    metadata,
    Column("id", CleanText, primary_key=True),
    Column("made_at", Instant, nullable=False),
    Column("asked", JSON, nullable=False),
    Column("selected", Integer, nullable=False),
    Column("planned_at", Instant),
    Column("hash", CleanText),
    Column("summary", JSON, nullable=False),
    Column("held", JSON, nullable=False),
    Column("approved_hash", CleanText),
    Column("applied_at", Instant),
)

# From outcome to mismatch: the planned change, of which the hash is computed. *owner*: the booking's provider.
backfill_lead = Table(
    "reconcile_backfill_lead",
    metadata,
    Column("plan_id", CleanText, primary_key=True),
    Column("lead_id", CleanText, primary_key=True),
    Column("workspace_id", CleanText, nullable=False),
    Column("owner", CleanText),
    Column("state", CleanText, nullable=False),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("outcome", CleanText),
    Column("verified_at", Instant),
    Column("facts", CleanText),
    Column("change", JSON),
    Column("is_absent", Boolean),
    Column("mismatch", CleanText),
    Column("before", JSON),
    Column("after", JSON),
    Column("reason", CleanText),
    Column("run_id", CleanText),
    Column("moved_at", Instant),
)
