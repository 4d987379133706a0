"""Command lines of what runs, shows and orders, and where each of their options has to arrive."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from reconcile import bootstrap
from reconcile.bootstrap import page, page_server, status
from reconcile.domain.breaker.breaker import BreakerKey, BreakerPolicy, BreakerScope
from tests.cli.command_lines import Look, Typed, argument, first, keyword, port, second
from tests.use_cases import (
    Order,
    Verb,
    act,
    approve_changes,
    explain_failure,
    explain_lead,
    explain_run,
    explain_workspace,
    known_workspace,
    list_breakers,
    lower,
    mismatched,
    quarantined,
    replay_breakers,
)

KNOWN = {known_workspace: None}


def order_rows(verb: Verb, lasts: timedelta) -> Mapping[str, tuple[Look, Any]]:
    key = BreakerKey(BreakerScope.WORKSPACE, "ws-1")
    order = Order(verb=verb, key=key, reason="outage", actor="ada", lasts=lasts)
    return dict.fromkeys(("breaker", "reason", "lasts", "actor"), (argument(0), order))


ORDER = "workspace:ws-1 --reason outage --actor ada --for"
LINES: Mapping[str, Sequence[Typed]] = {
    "run": [
        Typed(
            words="run --workspace ws-1 --dry-run",
            asks=bootstrap.run,
            answers=KNOWN,
            seen={"workspace": (second("workspace"), "ws-1"), "dry_run": (second("dry_run"), True)},
        ),
        Typed(words="run", asks=bootstrap.run, seen={"dry_run": (second("dry_run"), False)}),
    ],
    "report": [
        Typed(
            words="report --html {folder}/page.html --since 2h",
            asks=page.facts,
            seen={
                "since": (keyword("span"), timedelta(hours=2)),
                "target": (lambda heard: heard.arguments != (), True),
            },
        )
    ],
    "serve": [
        Typed(
            words="serve --host 127.0.0.9 --port 81",
            asks=page_server.serve,
            seen={"host": (keyword("host"), "127.0.0.9"), "port": (keyword("port"), 81)},
        )
    ],
    "explain lead": [Typed(words="explain lead l-1", asks=explain_lead, seen={"lead_id": (argument(0), "l-1")})],
    "explain workspace": [
        Typed(words="explain workspace ws-1", asks=explain_workspace, seen={"workspace_id": (argument(0), "ws-1")})
    ],
    "explain run": [
        Typed(
            words="explain run r-1 --limit 7",
            asks=explain_run,
            seen={"run_id": (argument(0), "r-1"), "limit": (keyword("limit"), 7)},
        )
    ],
    "explain failure": [
        Typed(words="explain failure boom", asks=explain_failure, seen={"text": (argument(0), "boom")})
    ],
    "breaker show": [
        Typed(
            words="breaker show workspace:ws-1",
            seen={"breaker": (port("breakers", "get", 0), BreakerKey(BreakerScope.WORKSPACE, "ws-1"))},
        ),
        Typed(words="breaker show --all", asks=list_breakers, seen={"is_complete": (keyword("is_complete"), True)}),
    ],
    "status": [Typed(words="status --all", asks=status.status, seen={"is_complete": (keyword("is_complete"), True)})],
    "breaker replay": [
        Typed(
            words="breaker replay workspace:ws-1 --since 2026-01-02 --error-rate 0.3 --min-checks 10 "
            "--min-workspaces 4 --contract-faults 6 --cooldown 7m",
            asks=replay_breakers,
            seen={
                "breaker": (second("only"), BreakerKey(BreakerScope.WORKSPACE, "ws-1")),
                "since": (second("since"), datetime(2026, 1, 2, tzinfo=UTC)),
                **dict.fromkeys(
                    ("error_rate", "min_checks", "min_workspaces", "contract_faults", "cooldown"),
                    (
                        second("policy"),
                        BreakerPolicy(
                            error_rate=0.3,
                            min_checks=10,
                            min_workspaces=4,
                            contract_faults=6,
                            cooldown=timedelta(minutes=7),
                        ),
                    ),
                ),
            },
        ),
        Typed(words="breaker replay", asks=replay_breakers, seen={"min_checks": (second("policy"), BreakerPolicy())}),
    ],
    **{
        f"breaker {verb}": [
            Typed(words=f"breaker {verb} {ORDER} 7m", asks=act, seen=order_rows(verb, timedelta(minutes=7)))
        ]
        for verb in Verb
    },
    "cadence set": [
        Typed(
            words="cadence set --every 10m --for 2h --reason outage --actor ada",
            asks=lower,
            seen={
                "every": (first("every"), timedelta(minutes=10)),
                "lasts": (lambda heard: heard.arguments[0].expires_at - heard.arguments[0].set_at, timedelta(hours=2)),
                "reason": (first("reason"), "outage"),
                "actor": (first("actor"), "ada"),
            },
        )
    ],
    **{
        words: [
            Typed(
                words=f"{words} --workspace ws-1 --limit 7",
                asks=asks,
                seen={"workspace": (keyword("workspace_id"), "ws-1"), "limit": (keyword("limit"), 7)},
            )
        ]
        for words, asks in (("quarantine list", quarantined), ("mismatches", mismatched))
    },
    "quarantine release": [
        Typed(
            words="quarantine release l-1 l-2",
            seen={
                "lead_id": (port("leads", "release", 0), ["l-1", "l-2"]),
                "workspace": (port("leads", "release", "workspace_id"), None),
            },
        ),
        Typed(
            words="quarantine release --all --workspace ws-1",
            seen={
                "is_all": (port("leads", "release", 0), None),
                "workspace": (port("leads", "release", "workspace_id"), "ws-1"),
            },
        ),
    ],
    "approve": [
        Typed(
            words="approve 0a1b --for 3h --reason outage --actor ada",
            asks=approve_changes,
            seen={
                "digest": (argument(0), "0a1b"),
                "lasts": (keyword("lasts"), timedelta(hours=3)),
                "reason": (keyword("reason"), "outage"),
                "actor": (keyword("actor"), "ada"),
            },
        )
    ],
    "follow-ups list": [
        Typed(
            words="follow-ups list --workspace ws-1 --since 2026-03-01 --limit 7",
            seen={
                "workspace": (port("outbox", "given_up", "workspace_id"), "ws-1"),
                "since": (port("outbox", "given_up", "since"), datetime(2026, 3, 1, tzinfo=UTC)),
                "limit": (port("outbox", "given_up", "limit"), 7),
            },
        )
    ],
    "follow-ups retry": [
        Typed(words="follow-ups retry k-1 k-2", seen={"key": (port("outbox", "retry", 0), ("k-1", "k-2"))}),
        Typed(
            words="follow-ups retry --all --workspace ws-1 --since 2026-03-01",
            seen={
                "is_all": (port("outbox", "retry", 0), None),
                "workspace": (port("outbox", "retry", "workspace_id"), "ws-1"),
                "since": (port("outbox", "retry", "since"), datetime(2026, 3, 1, tzinfo=UTC)),
            },
        ),
    ],
}
