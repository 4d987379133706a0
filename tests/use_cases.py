"""The use cases by name: the one place in the tests that knows in which module each of them lives."""

from reconcile.domain.breaker.attribution import LEAD_FAULTS, PROVIDER_FAULTS, WORKSPACE_FAULTS
from reconcile.domain.breaker.control import Control, ControlsLeft
from reconcile.domain.breaker.events import Admission, Refusal
from reconcile.domain.breaker.registry import BreakerRegistry
from reconcile.domain.breaker.window import Fault, SuspectOutcome
from reconcile.domain.breaker.withholding import blames_others, must_withhold
from reconcile.domain.coordination.annotation import instant
from reconcile.domain.coordination.rate_limit import budget_key
from reconcile.domain.run.report_document import breaker_document, document, read_freshness
from reconcile.domain.run.request import Progress, RunRequest
from reconcile.services.alerting.channel_test import test_channels
from reconcile.services.alerting.conditions import conditions
from reconcile.services.alerting.heartbeat import Heartbeat, signal_of
from reconcile.services.alerting.notify import Notifier, notify
from reconcile.services.alerting.view import alerts_view
from reconcile.services.backfill import backfill
from reconcile.services.backfill.apply import Applying
from reconcile.services.backfill.backfill import ROUND, BackfillRequest
from reconcile.services.backfill.commands import JobPlace
from reconcile.services.backfill.planning import OwnBreakers, carrying_out, planning
from reconcile.services.backfill.undo import Undo, Undoing, UnrevertedLead, undo
from reconcile.services.backfill.view import BackfillView
from reconcile.services.backfill.view import view as backfill_view
from reconcile.services.control.annotation_commands import AppliedCommands, apply_commands
from reconcile.services.control.annotation_memory import AnnotationMemory
from reconcile.services.control.approval import approve_changes
from reconcile.services.control.breaker_overrides import Order, Verb, act, breaker_key
from reconcile.services.control.cadence import cadence_view, lower, wait_for
from reconcile.services.control.mirror import ATTEMPTS, LIMIT_AT_END, LIMIT_AT_START, Mirror
from reconcile.services.control.other_releases import contrary_order, foreign_cadence
from reconcile.services.lookup.lead_check import lookups
from reconcile.services.lookup.limits.bulkhead import EARLY_RELEASES_PER_SLOT, Bulkhead
from reconcile.services.lookup.limits.concurrency import AdaptiveLimiter
from reconcile.services.lookup.limits.postponed_visits import LEAST_WAIT
from reconcile.services.lookup.limits.time_budget import LEASE_MARGIN, Stop, TimeBudget
from reconcile.services.lookup.searches import LISTS
from reconcile.services.maintenance.provider_findings import provider_findings
from reconcile.services.maintenance.prune import PIECE, prune
from reconcile.services.maintenance.readiness import readiness
from reconcile.services.maintenance.rights import rights
from reconcile.services.run.change_guard import ChangeGuard
from reconcile.services.run.context import STOP_GRACE, Dependencies, RunPolicy
from reconcile.services.run.counts import Counts
from reconcile.services.run.dry_run import (
    BURST_SHARE,
    DRY_RUN_TIME,
    LocalBudgets,
    LocalDatabaseClock,
    dry_run_store,
    on_clock,
)
from reconcile.services.run.freshness import new_leads_since
from reconcile.services.run.outbox_delivery import deliver
from reconcile.services.run.report_builder import lease_held_report, not_due_report, report_of, unstarted_report
from reconcile.services.run.run import run
from reconcile.services.run.select_workspaces import select_workspaces
from reconcile.services.verification.document import document as verify_document
from reconcile.services.verification.log_figures import ledger_figures
from reconcile.services.verification.verify import Means, of_run, watch, work_through
from reconcile.services.views.account_days import AccountDay, ShortDay
from reconcile.services.views.explain import (
    LeadExplanation,
    explain_lead,
    explain_run,
    explain_workspace,
    known_workspace,
)
from reconcile.services.views.failure_history import explain_failure
from reconcile.services.views.gauges import status_gauges, unreachable_gauges
from reconcile.services.views.lead_lists import LeadLine, mismatched, quarantined
from reconcile.services.views.next_steps import advice
from reconcile.services.views.page import REPAIRS_SHOWN, TROUBLES_SHOWN, page_facts
from reconcile.services.views.parked import BreakerList, list_breakers
from reconcile.services.views.replay import ReplayRequest, TooManyCalls, replay_breakers
from reconcile.services.views.run_history import scheduled_runs
from reconcile.services.views.status import Overview, overview
from reconcile.services.views.time_buckets import TimeBuckets, step
from reconcile.services.views.timeline import Timeline, TimelineBuilder

__all__ = [
    "ATTEMPTS",
    "BURST_SHARE",
    "DRY_RUN_TIME",
    "EARLY_RELEASES_PER_SLOT",
    "LEAD_FAULTS",
    "LEASE_MARGIN",
    "LEAST_WAIT",
    "LIMIT_AT_END",
    "LIMIT_AT_START",
    "LISTS",
    "PIECE",
    "PROVIDER_FAULTS",
    "REPAIRS_SHOWN",
    "ROUND",
    "STOP_GRACE",
    "TROUBLES_SHOWN",
    "WORKSPACE_FAULTS",
    "AccountDay",
    "AdaptiveLimiter",
    "Admission",
    "AnnotationMemory",
    "AppliedCommands",
    "Applying",
    "BackfillRequest",
    "BackfillView",
    "BreakerList",
    "BreakerRegistry",
    "Bulkhead",
    "ChangeGuard",
    "Control",
    "ControlsLeft",
    "Counts",
    "Dependencies",
    "Fault",
    "Heartbeat",
    "JobPlace",
    "LeadExplanation",
    "LeadLine",
    "LocalBudgets",
    "LocalDatabaseClock",
    "Means",
    "Mirror",
    "Notifier",
    "Order",
    "Overview",
    "OwnBreakers",
    "Progress",
    "Refusal",
    "ReplayRequest",
    "RunPolicy",
    "RunRequest",
    "ShortDay",
    "Stop",
    "SuspectOutcome",
    "TimeBuckets",
    "TimeBudget",
    "Timeline",
    "TimelineBuilder",
    "TooManyCalls",
    "Undo",
    "Undoing",
    "UnrevertedLead",
    "Verb",
    "act",
    "advice",
    "alerts_view",
    "apply_commands",
    "approve_changes",
    "backfill",
    "backfill_view",
    "blames_others",
    "breaker_document",
    "breaker_key",
    "budget_key",
    "cadence_view",
    "carrying_out",
    "conditions",
    "contrary_order",
    "deliver",
    "document",
    "dry_run_store",
    "explain_failure",
    "explain_lead",
    "explain_run",
    "explain_workspace",
    "foreign_cadence",
    "instant",
    "known_workspace",
    "lease_held_report",
    "ledger_figures",
    "list_breakers",
    "lookups",
    "lower",
    "mismatched",
    "must_withhold",
    "new_leads_since",
    "not_due_report",
    "notify",
    "of_run",
    "on_clock",
    "overview",
    "page_facts",
    "planning",
    "provider_findings",
    "prune",
    "quarantined",
    "read_freshness",
    "readiness",
    "replay_breakers",
    "report_of",
    "rights",
    "run",
    "scheduled_runs",
    "select_workspaces",
    "signal_of",
    "status_gauges",
    "step",
    "test_channels",
    "undo",
    "unreachable_gauges",
    "unstarted_report",
    "verify_document",
    "wait_for",
    "watch",
    "work_through",
]
