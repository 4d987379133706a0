"""Each setting of a command's environment reaches the policy, port or adapter that uses it, through the real wiring."""

import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
import pytest

from reconcile.domain.backfill.plan import BackfillPlan, ChangeCaps, ItemState, PlanId, Selection
from reconcile.domain.backfill.planned_change import PlannedLead, facts_of
from reconcile.domain.coordination.shard import Shard
from reconcile.domain.ids import WorkspaceId
from reconcile.domain.planning.outcome import Outcome
from reconcile.ports import ItemMove
from reconcile.settings import SETTINGS, Settings
from reconcile.store.leads.seed import seed
from reconcile.store.session import open_store
from reconcile_cli.main import cli
from tests.cli import settings_table as table
from tests.cli.settings_table import STARTED, VALUES, Rows
from tests.cli.wiring import Seen, seen_of
from tests.postgres import in_thread
from tests.services.fakes import FakeClock, a_workspace
from tests.services.run_harness import booked
from tests.stores import DEFAULT, RUN
from tests.use_cases import backfill

PRESETS = Path(__file__).parents[2] / "reconcile" / "store" / "mapping" / "presets"
READY = PlanId("ready")
WORKSPACES = [WorkspaceId(f"ws-{number}") for number in range(6)]
RESENDS, HAS_SMTP = ("alert_smtp_url",), ("alert_resend_key",)
BY_HAND, IN_JOB = ("job_name", "shard"), ("trigger", "shards")
"""Settings that exclude others: a scene goes without some of them."""
SHARDED_POD = {"JOB_COMPLETION_INDEX": "2"}


def _printed(seen: Seen) -> str:
    """Return what the command printed, as one line."""
    return " ".join(seen.done.out.split()) if seen.done else ""


def _days_ago(seen: Seen) -> int:
    """Return of how many days ago a plan takes leads that were not verified since."""
    age: timedelta = STARTED - seen["wanted"].selection.stale_booked
    return round(age / timedelta(days=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One command, the settings that its environment goes without, and what is to be seen of all others."""

    words: str
    rows: Rows
    without: Sequence[str] = (*HAS_SMTP, *IN_JOB)
    unused: Sequence[str] = ()
    """Flags that the command takes and has no use for in this scene."""

    def __str__(self) -> str:
        return self.words.replace(" ", "-")


def _where(words: str, *more: Rows, tokens: bool = True, **facts: Any) -> Scene:
    rows = {
        name: row for each in (table.COMMON, *([table.TOKENS] if tokens else []), *more) for name, row in each.items()
    }
    return Scene(words=words, rows=rows, **facts)


A_RUN = (table.POLICY, table.CALLS)
OF_ALERTS = (table.TOLD, table.OF_ALARM)
VIEW = (table.due(), table.breaker(), table.planned())
SCENES = (
    _where(
        "run",
        *(*A_RUN, table.RUN_CAPS, table.BUDGET, table.REQUEST, table.OF_A_JOB, table.SINK, table.BEAT, table.PLACE),
        *(*OF_ALERTS, table.CHANNELS, table.MAILED),
    ),
    _where("run --dry-run", *A_RUN, table.RUN_CAPS, table.OF_HAND, table.RESENT, without=(*RESENDS, *BY_HAND)),
    _where(
        "backfill plan --stale-booked",
        *A_RUN,
        table.CAPS,
        {
            "backfill_rate_share": (lambda seen: (seen["policy"].rate_share, seen["wanted"].share), (0.25, 0.25)),
            "shard": (lambda seen: (seen["shard"], seen["request"].shard), (Shard(1, 3), Shard(1, 3))),
            "job_name": (lambda seen: seen["wanted"].name, table.JOB),
            "stale_days": (lambda seen: (_days_ago(seen), seen["policy"].due.stale), (11, timedelta(days=11))),
        },
        unused=tuple(table.RUN_CAPS),
    ),
    _where(
        "backfill apply ready",
        *A_RUN,
        {
            "cronjob": (lambda seen: "--release night-watch" in _printed(seen), True),
            "shard": (lambda seen: (seen["shard"], seen["request"].shard), (Shard(1, 3), Shard(1, 3))),
        },
        unused=tuple(table.RUN_CAPS),
    ),
    _where("backfill reset --stale-booked", {}, unused=("stale_days",)),
    _where("backfill status"),
    _where(
        "verify --plan {folder}/list.yaml",
        *A_RUN,
        table.RUN_CAPS,
        table.BUDGET,
        table.SINK,
        *OF_ALERTS,
        {
            "namespace": table.PLACE["namespace"],
        },
        without=(*HAS_SMTP, *IN_JOB, "state_object"),
    ),
    Scene(
        words="verify --cronjob nightly --min-checks 1 --since 1h",
        rows={
            **{name: table.COMMON[name] for name in ("log_level", "log_format", "output")},
            **{name: table.PLACE[name] for name in ("namespace", "service_account_dir")},
        },
        unused=("database_url", "schema_mapping"),
    ),
    _where("status", *VIEW),
    _where("report", unused=("schedule", "time_zone", "cadence_auto")),
    _where("report --html -", *VIEW),
    _where("serve", *VIEW, {"page_token": (lambda seen: seen["page_token"], table.KEYS["page"].encode())}),
    _where("explain lead ws-0-lead-000", table.due(), table.breaker()),
    _where("explain workspace ws-0", table.due(), table.breaker()),
    _where("explain run nobody"),
    _where("explain failure contract"),
    _where("breaker show", table.breaker()),
    _where("breaker show run", table.breaker()),
    _where(
        "breaker replay",
        {k: v for k, v in table.breaker("replay", lambda asked: asked.in_force).items() if k != "circuit_breaker_mode"},
        unused=("circuit_breaker_mode",),
    ),
    _where("breaker trip run --reason r", table.breaker()),
    _where("breaker hold run --reason r", table.breaker()),
    _where("breaker reset run --reason r", table.breaker()),
    _where("approve nobody --reason r"),
    _where("cadence show", table.planned()),
    _where("cadence set --every 10m --for 1h --reason r", table.planned()),
    _where("cadence clear", table.planned()),
    _where("quarantine list"),
    _where("quarantine release --all"),
    _where("mismatches"),
    _where("follow-ups list"),
    _where("follow-ups retry --all"),
    _where("undo --run nobody"),
    _where("prune"),
    _where("migrate", tokens=False),
    Scene(words="init --yes", rows={name: row for name, row in table.COMMON.items() if name != "schema_mapping"}),
    _where(
        "doctor",
        table.due(),
        table.PLACE,
        {
            "database_url": (lambda seen: (seen["checked_url"], seen["url"]), ("sqlite:///{folder}/company.db",) * 2),
            "webhook_url": (lambda seen: seen["has_webhook"], True),
        },
    ),
    _where("alerts list", *OF_ALERTS, unused=tuple(table.CHANNELS) + tuple(table.MAILED) + tuple(table.RESENT)),
    _where("alerts check", *OF_ALERTS, unused=tuple(table.CHANNELS) + tuple(table.MAILED) + tuple(table.RESENT)),
    Scene(
        words="alerts test",
        rows={
            **{name: table.COMMON[name] for name in ("log_level", "log_format", "output")},
            **table.TOLD,
            **table.CHANNELS,
            **table.MAILED,
        },
        unused=tuple(table.RESENT),
    ),
)
"""Every command that reads settings."""
E_COMMANDS = ("run", "doctor", "backfill plan", "backfill apply")
"""Commands that take every setting as a flag, also those that they have no use for."""


@pytest.fixture(scope="module")
def seen(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Scene], tuple[Seen, Path]]:
    """Give what a scene's command hands on; each command is run once for all its settings."""
    made = tmp_path_factory.mktemp("made")
    shutil.copy(sqlite_template, made / "company.db")
    in_thread(_fill(f"sqlite:///{made}/company.db"))
    found: dict[str, tuple[Seen, Path]] = {}

    def of(scene: Scene) -> tuple[Seen, Path]:
        if scene.words not in found:
            folder = _folder(made, tmp_path_factory.mktemp("scene"))
            env = {name: text.format(folder=folder) if "{folder}" in text else text for name, text in VALUES.items()}
            given = {name: text for name, text in env.items() if name not in scene.without}
            pod = SHARDED_POD if "shards" in given else {}
            found[scene.words] = seen_of(scene.words.format(folder=folder).split(), given, bare=pod), folder
        return found[scene.words]

    return of


def _folder(made: Path, folder: Path) -> Path:
    shutil.copy(made / "company.db", folder / "company.db")
    shutil.copy(PRESETS / "default.toml", folder / "own.toml")
    (folder / "credentials").mkdir()
    (folder / "list.yaml").write_text(
        "since: 2026-03-01T12:00Z\nsteps:\n"
        "- {title: a, cronjob: {name: nightly, min_checks: 1}}\n- {title: b, run: {dry_run: false}}\n"
    )
    return folder


async def _fill(url: str) -> None:
    """Enter a company, all of whose leads are of a plan that is ready to be carried out."""
    leads = [booked(f"{each}-lead-000", each) for each in WORKSPACES]
    await seed(url, mapping=DEFAULT, workspaces=[a_workspace(each) for each in WORKSPACES], leads=leads)
    async with open_store(url, mapping=DEFAULT) as store:
        plan = BackfillPlan(id=READY, made_at=STARTED, asked={})
        await store.backfills.begin(plan, Selection(stale_booked=STARTED))
        moves = [
            ItemMove(
                lead_id=each.id,
                state=ItemState.PLANNED,
                planned=PlannedLead(
                    lead_id=each.id,
                    workspace_id=each.workspace_id,
                    outcome=Outcome.UNCHANGED,
                    verified_at=STARTED,
                    facts=facts_of(each, salt=READY),
                ),
            )
            for each in leads
        ]
        await store.backfills.record(READY, moves, run_id=RUN, leases=(), at=STARTED)
        await backfill.complete(READY, store=store, caps=ChangeCaps(), clock=FakeClock())


@pytest.mark.parametrize("scene", SCENES, ids=str)
def test_each_setting_reaches_what_uses_it(seen: Callable[[Scene], tuple[Seen, Path]], scene: Scene) -> None:
    found, folder = seen(scene)
    rows = {name: (_looked(look, found), _in(folder, expected)) for name, (look, expected) in scene.rows.items()}

    assert found.done is not None
    assert "Traceback" not in found.done.err, found.done.err
    assert {name: row for name, row in rows.items() if row[0] != row[1]} == {}


def _looked(look: Callable[[Seen], Any], found: Seen) -> Any:
    """Return what is seen; where nothing is to be seen, say so in its place, so that the others are looked at too."""
    try:
        return look(found)
    except (AssertionError, AttributeError, LookupError) as error:
        return repr(error)


def _in(folder: Path, expected: Any) -> Any:
    if isinstance(expected, tuple):
        return tuple(_in(folder, each) for each in expected)
    return expected.replace("{folder}", str(folder)) if isinstance(expected, str) else expected


def test_every_setting_is_tried_with_a_value_that_is_not_its_default() -> None:
    defaults = Settings()
    read = {each.name: each.kind.read(VALUES[each.name]) for each in SETTINGS}

    assert set(VALUES) == set(read)
    assert [name for name, value in read.items() if value == getattr(defaults, name)] == []


def test_every_setting_is_looked_for_where_a_command_uses_it() -> None:
    tried = {name for scene in SCENES for name in scene.rows}

    assert {each.name for each in SETTINGS} - tried == set()


def test_every_command_is_tried_with_all_settings_that_it_takes() -> None:
    envs = {each.env: each.name for each in SETTINGS}
    for path, command in _commands(cli, click.Context(cli)):
        helps = [getattr(each, "help", None) or "" for each in command.params]
        taken = {name for env, name in envs.items() if any(re.search(rf"\[{env}[;\]]", text) for text in helps)}
        scenes = [each for each in SCENES if f"{each.words} ".startswith(f"{path} ")]
        known = {name for each in scenes for name in (*each.rows, *each.unused)}

        assert not taken or scenes, path
        assert path in E_COMMANDS or taken <= known, (path, taken - known)


def _commands(group: click.Command, ctx: click.Context, path: str = "") -> Any:
    if not isinstance(group, click.Group):
        yield path, group
        return
    for name in group.list_commands(ctx):
        found = group.get_command(ctx, name)
        assert found is not None
        yield from _commands(found, ctx, f"{path} {name}".strip())
