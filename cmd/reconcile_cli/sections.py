"""The commands by the sections of the help, each with its module and its summary."""

from collections.abc import Mapping
from typing import NamedTuple


class Section(NamedTuple):
    """Commands that stand together in the help, and the package that holds a module for each."""

    title: str
    package: str
    summaries: Mapping[str, str]


SECTIONS = (
    Section(
        "Check and repair",
        "reconcile_cli.repair",
        {
            "run": "Check the leads that are due and repair what differs.",
            "backfill": "Plan a repair over many leads, review it, apply it.",
            "undo": "Revert the changes of a run or a backfill, except rows that were written since.",
            "verify": "Check whether a rollout has fixed a failure: pass, fail or inconclusive.",
            "job": "Print a one-off Job for kubectl.",
        },
    ),
    Section(
        "Show",
        "reconcile_cli.views",
        {
            "status": "Show failures, their duration, and the commands to run.",
            "report": "Print the last run's report, or write an HTML page of recent history.",
            "serve": "Serve the HTML page live and read-only.",
            "explain": "Explain the state of a lead, workspace, run or failure.",
            "mismatches": "List differences that were found and not repaired.",
            "alerts": "Show active alerts, or test the channels.",
        },
    ),
    Section(
        "Override and release",
        "reconcile_cli.control",
        {
            "breaker": "Show the breakers, or override one.",
            "approve": "Approve changes that runs hold back, or list them.",
            "cadence": "Show the cadence of runs, or lower it for a time.",
            "quarantine": "List or release quarantined leads.",
            "follow-ups": "List follow-ups that became dead letters, or deliver them again.",
        },
    ),
    Section(
        "Set up and try out",
        "reconcile_cli.setup",
        {
            "init": "Propose a mapping for an existing database.",
            "doctor": "Check settings, database, credentials, clock and cluster.",
            "migrate": "Migrate the tables that reconcile owns to the newest schema.",
            "prune": "Delete old rows from the tables that reconcile owns.",
            "simulate": "Serve simulated providers with switchable faults.",
            "demo": "Show an incident, the stop and the recovery in a minute.",
        },
    ),
)

MODULES: Mapping[str, str] = {
    name: f"{section.package}.{name.replace('-', '_')}" for section in SECTIONS for name in section.summaries
}
"""The module of each command, which is imported only when the command is called."""
