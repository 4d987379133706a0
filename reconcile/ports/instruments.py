"""Everything that is measured, in one table: docs/telemetry.md is checked against it."""

from dataclasses import dataclass
from enum import StrEnum


class InstrumentKind(StrEnum):
    """How values add up: a counter's are summed, a gauge's last one counts, a histogram's are distributed."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """One thing that is measured; *attributes* come from closed sets, so that a series never grows with customers."""

    name: str
    kind: InstrumentKind
    unit: str
    help: str
    attributes: tuple[str, ...] = ()
    buckets: tuple[float, ...] | None = None


RUNS = Instrument(
    name="reconcile.runs",
    kind=InstrumentKind.COUNTER,
    unit="{run}",
    help="Runs that ended, also those that found nothing to do.",
    attributes=("health", "stopped", "trigger", "success", "dry_run"),
)
LEADS = Instrument(
    name="reconcile.leads",
    kind=InstrumentKind.COUNTER,
    unit="{lead}",
    help="Leads by what they came to.",
    attributes=("outcome", "provider"),
)
ERRORS = Instrument(
    name="reconcile.errors",
    kind=InstrumentKind.COUNTER,
    unit="{error}",
    help="Failed checks by the class of their signature.",
    attributes=("provider", "operation", "error.type"),
)
BREAKER_STATE = Instrument(
    name="reconcile.breaker.state",
    kind=InstrumentKind.GAUGE,
    unit="1",
    help="The breaker of the run, of a provider or of one of its operations: 0 closed, 1 half open, 2 open.",
    attributes=("breaker",),
)
PARKED_WORKSPACES = Instrument(
    name="reconcile.workspaces.parked",
    kind=InstrumentKind.GAUGE,
    unit="{workspace}",
    help="Workspaces whose own breaker is open.",
)
PROVIDER_LATENCY = Instrument(
    name="http.client.request.duration",
    kind=InstrumentKind.HISTOGRAM,
    unit="s",
    help="Duration of each request to a provider, its body read.",
    attributes=(
        "http.request.method",
        "url.template",
        "server.address",
        "server.port",
        "http.response.status_code",
        "error.type",
    ),
    # As the semantic conventions advise.
    buckets=(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10),
)
BUDGET_LEFT = Instrument(
    name="reconcile.budget.left",
    kind=InstrumentKind.GAUGE,
    unit="{call}",
    help="Calls that were left at once to the account that had the fewest, of those that this run asked with.",
    attributes=("provider",),
)
DUE_LEADS = Instrument(
    name="reconcile.leads.due",
    kind=InstrumentKind.GAUGE,
    unit="{lead}",
    help="Leads that were due when that was last counted.",
)
OVERDUE_LEADS = Instrument(
    name="reconcile.leads.overdue",
    kind=InstrumentKind.GAUGE,
    unit="{lead}",
    help="Of these, leads that were due and not attempted for five minutes, or never.",
)
AT_RISK = Instrument(
    name="reconcile.appointments.at_risk",
    kind=InstrumentKind.GAUGE,
    unit="{appointment}",
    help="Appointments of the next 24 h that were not verified within the last hour.",
)

INSTRUMENTS: tuple[Instrument, ...] = (
    RUNS,
    LEADS,
    ERRORS,
    BREAKER_STATE,
    PARKED_WORKSPACES,
    PROVIDER_LATENCY,
    BUDGET_LEFT,
    DUE_LEADS,
    OVERDUE_LEADS,
    AT_RISK,
)
