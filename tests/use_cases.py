"""The use cases by name: the one place in the tests that knows in which module each of them lives."""

from reconcile.runner import backfill
from reconcile.runner.advice import advice
from reconcile.runner.alerts import Alarm, tell
from reconcile.runner.applying import Applying
from reconcile.runner.backfill import ROUND, Wanted
from reconcile.runner.bands import Chronicle, Timeline
from reconcile.runner.board import Admission, Board, Refusal
from reconcile.runner.cadence import wait_for
from reconcile.runner.check import lookups
from reconcile.runner.choice import served
from reconcile.runner.conditions import conditions
from reconcile.runner.context import LEASE_MARGIN, STOP_GRACE, Parts, Run, RunPolicy, Stop
from reconcile.runner.deliver import deliver
from reconcile.runner.document import breaker_document, document, instant
from reconcile.runner.dry import LocalBudgets
from reconcile.runner.explain import LeadStory, explain_lead, explain_run, explain_workspace
from reconcile.runner.freshness import new_leads_since, read_freshness
from reconcile.runner.gate import Gate
from reconcile.runner.hand import Order, Verb, act, breaker_key
from reconcile.runner.jury import PROVIDER_FAULTS, WORKSPACE_FAULTS
from reconcile.runner.listing import LeadLine, mismatched, quarantined
from reconcile.runner.mirror import ATTEMPTS, BUDGET, Mirror
from reconcile.runner.moments import Calendar, step
from reconcile.runner.observe import ledger_figures
from reconcile.runner.orders import Obeyed, obey
from reconcile.runner.overview import Overview, overview
from reconcile.runner.page import REPAIRS_SHOWN, TROUBLES_SHOWN, page_facts
from reconcile.runner.planning import OwnBreakers, carrying_out, planning
from reconcile.runner.prune import PIECE, prune
from reconcile.runner.readiness import readiness
from reconcile.runner.request import Progress, RunRequest
from reconcile.runner.rights import rights
from reconcile.runner.run import run
from reconcile.runner.slots import LENT_FOR_EACH, Slots
from reconcile.runner.tally import Fault, Suspicion
from reconcile.runner.ticks import every_tick
from reconcile.runner.trust import blames_others, distrusts, distrusts_absence
from reconcile.runner.undo import LeftLead, Undo, Undoing, undo
from reconcile.runner.verdict import report_of
from reconcile.runner.verify import Means, of_run, watch, work_through

__all__ = [
    "ATTEMPTS",
    "BUDGET",
    "LEASE_MARGIN",
    "LENT_FOR_EACH",
    "PIECE",
    "PROVIDER_FAULTS",
    "REPAIRS_SHOWN",
    "ROUND",
    "STOP_GRACE",
    "TROUBLES_SHOWN",
    "WORKSPACE_FAULTS",
    "Admission",
    "Alarm",
    "Applying",
    "Board",
    "Calendar",
    "Chronicle",
    "Fault",
    "Gate",
    "LeadLine",
    "LeadStory",
    "LeftLead",
    "LocalBudgets",
    "Means",
    "Mirror",
    "Obeyed",
    "Order",
    "Overview",
    "OwnBreakers",
    "Parts",
    "Progress",
    "Refusal",
    "Run",
    "RunPolicy",
    "RunRequest",
    "Slots",
    "Stop",
    "Suspicion",
    "Timeline",
    "Undo",
    "Undoing",
    "Verb",
    "Wanted",
    "act",
    "advice",
    "backfill",
    "blames_others",
    "breaker_document",
    "breaker_key",
    "carrying_out",
    "conditions",
    "deliver",
    "distrusts",
    "distrusts_absence",
    "document",
    "every_tick",
    "explain_lead",
    "explain_run",
    "explain_workspace",
    "instant",
    "ledger_figures",
    "lookups",
    "mismatched",
    "new_leads_since",
    "obey",
    "of_run",
    "overview",
    "page_facts",
    "planning",
    "prune",
    "quarantined",
    "read_freshness",
    "readiness",
    "report_of",
    "rights",
    "run",
    "served",
    "step",
    "tell",
    "undo",
    "wait_for",
    "watch",
    "work_through",
]
