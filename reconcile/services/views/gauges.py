"""The status as gauges, for a monitoring system that scrapes ``reconcile serve``.

Gauges that a run also sends by OTLP have the names and labels that a collector gives them in Prometheus, so that one
dashboard and one rule read both.
"""

from collections.abc import Iterable
from datetime import datetime

from reconcile.domain.breaker.breaker import RUN_KEY, BreakerScope, BreakerState
from reconcile.domain.breaker.keys import provider_key
from reconcile.domain.ids import ProviderName
from reconcile.domain.run.punctuality import Punctuality
from reconcile.domain.views.gauge import Gauge, Labels
from reconcile.domain.views.page import OverallStatus
from reconcile.ports.instruments import AT_RISK, BREAKER_STATE, DUE_LEADS, OVERDUE_LEADS, PARKED_WORKSPACES, Instrument
from reconcile.services.views.status import Overview

_STATES = (BreakerState.CLOSED, BreakerState.HALF_OPEN, BreakerState.OPEN)
_DATABASE = "reconcile_database_up"
_DATABASE_HELP = "1 if the database answered, else 0; without it no other gauge is known."


def unreachable_gauges() -> tuple[Gauge, ...]:
    """Return the gauges that are known while the database is unreachable."""
    return (Gauge.single(_DATABASE, _DATABASE_HELP, 0),)


def status_gauges(view: Overview, *, version: str) -> tuple[Gauge, ...]:
    """Return *view* as gauges; an unknown value has none."""
    return (
        Gauge.single(_DATABASE, _DATABASE_HELP, 1),
        Gauge(name="reconcile_build_info", help="Version of the program.", values={(("version", version),): 1}),
        _one_of("reconcile_status", "Overall status, as `reconcile status` says it.", OverallStatus, view.standing),
        _one_of(
            "reconcile_schedule",
            "Whether runs start on schedule: late after one missed tick, down after two.",
            Punctuality,
            view.schedule.punctuality,
        ),
        *_instant(
            "reconcile_last_run_started", "Start of the newest run", next((each.started_at for each in view.runs), None)
        ),
        *_instant("reconcile_last_success", "End of the last run that succeeded", view.last_success_at),
        Gauge(
            name=_name(BREAKER_STATE),
            help=BREAKER_STATE.help,
            values={(("reconcile_breaker", name),): state for name, state in _breaker_states(view).items()},
        ),
        _of(PARKED_WORKSPACES, view.parked_count),
        _of(DUE_LEADS, view.freshness.due),
        _of(OVERDUE_LEADS, view.freshness.overdue),
        _of(AT_RISK, view.at_risk_count),
        Gauge.single("reconcile_leads_quarantined", "Leads in quarantine, counted up to 1000.", view.quarantined_count),
        Gauge.single("reconcile_followups_pending", "Follow-ups still to be delivered.", view.pending_effects),
        Gauge.single("reconcile_followups_dead", "Follow-ups that are no longer delivered.", view.given_up_effects),
    )


def _breaker_states(view: Overview) -> dict[str, int]:
    """Return the states of the breakers of run, providers and operations; those without advice are closed."""
    states = {str(key): 0 for key in (RUN_KEY, *map(provider_key, ProviderName))}
    wide = (each for each in view.breakers if each.scope is not BreakerScope.WORKSPACE)
    return states | {each.breaker: _STATES.index(each.state) for each in wide}


def _of(instrument: Instrument, value: float) -> Gauge:
    return Gauge.single(_name(instrument), instrument.help, value)


def _name(instrument: Instrument) -> str:
    return instrument.name.replace(".", "_")


def _instant(name: str, text: str, at: datetime | None) -> Iterable[Gauge]:
    if at is not None:
        yield Gauge.single(f"{name}_timestamp_seconds", f"{text}, in seconds since 1970.", at.timestamp())


def _one_of(name: str, text: str, states: Iterable[str], current: str) -> Gauge:
    values: dict[Labels, float] = {(("state", str(each)),): float(each == current) for each in states}
    return Gauge(name=name, help=f"{text} 1 for the current state, else 0.", values=values)
