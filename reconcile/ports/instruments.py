"""All metrics in one table; docs/telemetry.md is checked against it."""

from dataclasses import dataclass
from enum import StrEnum


class InstrumentKind(StrEnum):
    """How values are aggregated: counters are summed, gauges keep the last value, histograms have buckets."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """One metric; *attributes* have closed sets of values, so that the number of series is bounded."""

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
    help="Runs that ended, including those with no due leads.",
    attributes=("health", "stopped", "trigger", "success", "dry_run"),
)
LEADS = Instrument(
    name="reconcile.leads",
    kind=InstrumentKind.COUNTER,
    unit="{lead}",
    help="Leads by outcome.",
    attributes=("outcome", "provider"),
)
ERRORS = Instrument(
    name="reconcile.errors",
    kind=InstrumentKind.COUNTER,
    unit="{error}",
    help="Failed checks by error class.",
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
    help="Duration of each request to a provider, including its body.",
    attributes=(
        "http.request.method",
        "url.template",
        "server.address",
        "server.port",
        "http.response.status_code",
        "error.type",
    ),
    # as the semantic conventions recommend
    buckets=(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10),
)
BUDGET_LEFT = Instrument(
    name="reconcile.budget.left",
    kind=InstrumentKind.GAUGE,
    unit="{call}",
    help="Calls left in the burst of the account with the fewest, among the accounts that this run used.",
    attributes=("provider",),
)
DUE_LEADS = Instrument(
    name="reconcile.leads.due",
    kind=InstrumentKind.GAUGE,
    unit="{lead}",
    help="Due leads at the last measurement.",
)
OVERDUE_LEADS = Instrument(
    name="reconcile.leads.overdue",
    kind=InstrumentKind.GAUGE,
    unit="{lead}",
    help="Due leads that were not attempted for five minutes or more.",
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
