"""Command lines of backfills, Jobs, undo, verify and the rest, and where each of their options has to arrive."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from reconcile.bootstrap import backfill as wiring
from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.ids import ProviderName, WorkspaceId
from reconcile.domain.verification.checklist import FigureSource
from reconcile.domain.verification.claim import Expected, Rate
from reconcile.kube.job import JobPlan, manifest
from reconcile.simulator import World, WorldSize, incident
from reconcile.simulator import serve as serve_simulator
from tests.cli.command_lines import Confirmation, Look, Typed, argument, days_before, first, keyword, port, second
from tests.kube.stored_cronjobs import CRONJOBS_DIR, stored
from tests.services.backfilling import a_plan
from tests.use_cases import backfill, backfill_view, known_workspace, prune, undo, watch, work_through

SINCE = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
STALE = datetime(2026, 2, 1, tzinfo=UTC)
KNOWN = {known_workspace: None}
SELECTING = (
    "--workspace ws-2 --workspace ws-1 --since 2026-03-01T09:30Z --status canceled --provider calendly "
    "--signature missing --stale-booked 2026-02-01"
)
SELECTED = {
    "workspaces": ("workspaces", (WorkspaceId("ws-1"), WorkspaceId("ws-2"))),
    "since": ("since", SINCE),
    "statuses": ("statuses", (AppointmentStatus.CANCELED,)),
    "provider": ("provider", ProviderName.CALENDLY),
    "signature": ("signature", "missing"),
    "stale_booked": ("stale_booked", STALE),
}


def _selected(look: Look, name: str) -> Look:
    """Look at one criterion of a selection."""
    return lambda heard: getattr(look(heard), name)


JOB = (
    f"--name job-1 --from-cronjob {CRONJOBS_DIR}/everything.yaml --namespace namespace-1 --shards 5 --parallelism 3 "
    "--max-failed-shards 2 --retries 4 --deadline-seconds 77 --service-account account-1 --files files-1 "
    "--memory 99Mi --cpu 88m --format json"
)
PLAN: Mapping[str, Any] = {
    "name": "job-1",
    "namespace": "namespace-1",
    "shards": 5,
    "parallelism": 3,
    "max_failed_shards": 2,
    "retries": 4,
    "deadline_seconds": 77,
    "service_account": "account-1",
    "files": "files-1",
    "memory": "99Mi",
    "cpu": "88m",
}


def job_rows(command: tuple[str, ...], *options: str) -> Mapping[str, tuple[Look, Any]]:
    """Return that the whole Job is what was typed, for each option of it."""
    expected = json.loads(json.dumps(manifest(JobPlan(command=command, **PLAN), stored("everything"))))
    return dict.fromkeys((*PLAN, "cronjob_file", *options), (_manifest, expected))


def _manifest(heard: Confirmation) -> Any:
    assert heard.done is not None
    return json.loads(heard.done.out)


CLAIM = "--signature boom --since 2026-03-01T09:30Z --max-error-rate 5/min --min-checks 7"


def claim(heard: Confirmation) -> Any:
    return heard.arguments[0].claim


CLAIMED: Mapping[str, tuple[Look, Any]] = {
    "signature": (lambda heard: claim(heard).signatures[0][0], "boom"),
    "since": (lambda heard: claim(heard).since, SINCE),
    "max_error_rate": (lambda heard: claim(heard).max_error_rate, Rate.parse("5/min")),
    "min_checks": (lambda heard: claim(heard).min_checks, 7),
}


LINES: Mapping[str, Sequence[Typed]] = {
    "backfill plan": [
        Typed(
            words=f"backfill plan --within 3h --name plan-1 {SELECTING}",
            asks=wiring.plan,
            answers=KNOWN,
            seen={
                "within": (second("within"), timedelta(hours=3)),
                "name": (second("name"), "plan-1"),
                **{
                    option: (_selected(second("selection"), name), expected)
                    for option, (name, expected) in SELECTED.items()
                },
            },
        )
    ],
    "backfill reset": [
        Typed(
            words=f"backfill reset --dry-run {SELECTING}",
            answers=KNOWN,
            seen={
                "dry_run": (port("backfills", "reset", "dry_run"), True),
                **{
                    option: (_selected(port("backfills", "reset", 0), name), expected)
                    for option, (name, expected) in SELECTED.items()
                },
            },
        ),
        Typed(
            words="backfill reset --provider ghl",
            seen={
                "dry_run": (port("backfills", "reset", "dry_run"), False),
                "provider": (days_before(port("backfills", "reset", "verified_before")), 7),
            },
        ),
    ],
    "backfill apply": [
        Typed(
            words="backfill apply plan-1 --approve hash-1",
            asks=wiring.apply,
            seen={"name": (argument(1), "plan-1"), "approve": (keyword("approve"), "hash-1")},
        )
    ],
    "backfill status": [
        Typed(
            words="backfill status plan-1 --limit 7",
            asks=backfill_view,
            answers={backfill.known_plan: a_plan()},
            seen={"name": (first("id"), "plan-1"), "limit": (keyword("limit"), 7)},
        )
    ],
    "backfill manifest": [
        Typed(
            words=f"backfill manifest --plan plan-1 --approve hash-1 {JOB}",
            seen=job_rows(("backfill", "apply", "plan-1", "--approve", "hash-1"), "plan_id", "approve"),
        )
    ],
    "job manifest": [
        Typed(
            words=f"job manifest {JOB} -- run --dry-run --workspace ws-1",
            seen=job_rows(("run", "--dry-run", "--workspace", "ws-1"), "arguments"),
        )
    ],
    "undo": [
        Typed(
            words="undo --run r-1 --dry-run",
            asks=undo,
            seen={
                "run_id": (first("undone_run"), "r-1"),
                "plan": (first("undone_plan"), None),
                "dry_run": (first("dry_run"), True),
            },
        ),
        Typed(
            words="undo --plan plan-1",
            asks=undo,
            seen={
                "run_id": (first("undone_run"), None),
                "plan": (first("undone_plan"), "plan-1"),
                "dry_run": (first("dry_run"), False),
            },
        ),
    ],
    "verify": [
        Typed(
            words=f"verify {CLAIM} --gone --wait 9m --every 8s",
            asks=watch,
            seen={
                **CLAIMED,
                "expected": (lambda heard: claim(heard).signatures[0][1], Expected.GONE),
                "wait": (first("wait"), timedelta(minutes=9)),
                "every": (first("every"), timedelta(seconds=8)),
                "logs": (first("source"), FigureSource.LEDGER),
            },
        ),
        Typed(
            words=f"verify {CLAIM} --present --logs {{folder}}/log",
            asks=watch,
            seen={
                **CLAIMED,
                "expected": (lambda heard: claim(heard).signatures[0][1], Expected.PRESENT),
                "logs": (
                    lambda heard: (heard.arguments[0].source, Path(heard.arguments[0].name).name),
                    ("logs", "log"),
                ),
            },
        ),
        Typed(
            words=f"verify {CLAIM} --gone --cronjob nightly",
            asks=watch,
            seen={
                "cronjob": (lambda heard: (heard.arguments[0].source, heard.arguments[0].name), ("cronjob", "nightly"))
            },
        ),
        Typed(
            words="verify --plan {folder}/list.yaml --since 2026-03-01T09:30Z",
            asks=work_through,
            seen={
                "plan": (lambda heard: [each.title for each in heard.arguments[0]], ["a step"]),
                "since": (lambda heard: heard.arguments[0][0].what.since, SINCE),
            },
        ),
        Typed(
            words="verify --min-checks 1 --since 2026-03-01T09:30Z --markdown",
            seen={"is_markdown": (lambda heard: heard.done is not None and heard.done.out[:10] == "**Verdict:", True)},
        ),
    ],
    "prune": [
        Typed(
            words="prune --older-than 30d --dry-run",
            asks=prune,
            seen={"older_than": (days_before(keyword("before")), 30), "dry_run": (keyword("dry_run"), True)},
        ),
        Typed(words="prune", asks=prune, seen={"dry_run": (keyword("dry_run"), False)}),
    ],
    "simulate": [
        Typed(
            words="simulate --port 8801 --workspaces 3 --leads 4 --calendly-share 1 --seed 9 --latency-ms 250 "
            "--no-limits --fault latency=503 --incident --fill {folder}/made.db",
            asks=serve_simulator,
            seen={
                "port": (keyword("port"), 8801),
                "workspaces": (lambda heard: len(heard.arguments[0].workspaces), 3),
                "leads": (lambda heard: len(heard.arguments[0].leads), 12),
                "calendly_share": (lambda heard: {each.api.value for each in heard.arguments[0].leads}, {"calendly"}),
                "seed": (
                    lambda heard: [each.email for each in heard.arguments[0].leads],
                    [
                        each.email
                        for each in World.generate(
                            seed=9,
                            now=lambda: datetime.now(UTC),
                            size=WorldSize(workspaces=3, leads_per_workspace=4, calendly_share=1),
                        ).leads
                    ],
                ),
                "latency_ms": (keyword("latency"), timedelta(milliseconds=250)),
                "limits": (keyword("enforce_limits"), False),
                "is_incident": (lambda heard: set(incident()) <= set(heard.keywords["faults"]), True),
                "faults": (lambda heard: heard.keywords["faults"][-1].value, 503),
                "fill": (lambda heard: heard.done is not None, True),
            },
        ),
        Typed(
            words="simulate --schema prisma --fill {folder}/made.db",
            asks=None,
            seen={"schema": (lambda heard: heard.done and "--schema needs --fill" in heard.done.err, True)},
        ),
    ],
}
