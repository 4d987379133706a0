"""Canaries in every input, and every place where they could come out again: none does.

Tokens, passwords, secrets, e-mail addresses, names and what people write; in settings, mounted files, the customer's
tables and providers' bodies of every kind. Looked at: stdout and stderr of every command in both forms, our own tables,
deliveries, library logs, files left behind.
"""

import logging
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import orjson
import pytest

from reconcile import bootstrap
from reconcile.domain.credential import Credential, Token
from reconcile.domain.ids import LeadId, ProviderName, WorkspaceId
from reconcile.domain.lead import Lead, LeadStatus, Rollup
from reconcile.domain.workspace import Workspace
from reconcile.simulator import Api, Fault, FaultKind
from reconcile.simulator.faults.kinds import KINDS
from reconcile.simulator.wire import Request
from tests import postgres, samples, stores
from tests.cli.command import Done, here
from tests.integration import canaries
from tests.integration.canaries import EMAIL, FIELDS, HOST_EMAIL, LEADS, MARK, NAME, WORKSPACES, Server, found
from tests.samples import WHOLE

HARMLESS = frozenset({FaultKind.HOLD, FaultKind.LATENCY, FaultKind.RETRY_AFTER, FaultKind.SLOW_DRIP})
"""Kinds that change no more than when something is said."""
PARTS = 4
each_part = pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=WHOLE) for part in range(1, PARTS))])
MODES = ("enforce", "metrics_only")
QUESTIONS = (
    ("status",),
    ("explain", "workspace", "ws-1"),
    ("explain", "workspace", "ws-3"),
    ("explain", "lead", "ws-1-ghl-0"),
    ("explain", "lead", "ws-2-calendly-1"),
    ("breaker", "show"),
    ("breaker", "show", "workspace:ws-1"),
    ("quarantine", "list"),
    ("mismatches",),
    ("follow-ups", "list"),
    ("doctor",),
)

pytestmark = pytest.mark.integration


class SimulatedCompany:
    """A database full of canaries, and the commands that are called on it."""

    def __init__(
        self,
        server: Server,
        folder: Path,
        template: Path,
        caplog: pytest.LogCaptureFixture,
        deliveries: Sequence[Request],
    ) -> None:
        self.server = server
        self.caplog = caplog
        self.deliveries = deliveries
        self.path = folder / "reconcile.db"
        self.url = stores.sqlite_copy(template, folder)
        mounted = folder / "mounted"
        mounted.mkdir()
        (mounted / "ws-1.ghl").write_text(f"{canaries.GHL_TOKEN}-ws-1\n")
        (mounted / "ws-2.calendly").write_bytes(f"{canaries.MOUNTED_TOKEN}\xff".encode("latin-1"))
        (mounted / "ws-3.ghl").write_text(f"{canaries.MOUNTED_TOKEN} with blanks\n")
        (mounted / "ws-3.calendly").write_text(f"{canaries.MOUNTED_TOKEN}é")
        self.settings = {
            "database_url": self.url,
            "credentials_dir": str(mounted),
            "ghl_base_url": server.simulator.ghl_url,
            "calendly_base_url": server.simulator.calendly_url,
            "heartbeat_url": f"{server.simulator.ghl_url}/beats/{MARK}?key={canaries.SECRET}",
            "webhook_url": f"{server.simulator.ghl_url}/hooks/{MARK}?key={canaries.SECRET}",
            "webhook_secret": canaries.SECRET,
            "follow_ups": "all",
            "hot_minutes": "0",
            "log_level": "debug",
            "attempt_timeout_seconds": "0.3",
            "run_budget_seconds": "3",
            "quarantine_after": "1",
        }
        postgres.in_thread(bootstrap.seed_url(self.url, workspaces=list(workspaces()), leads=list(leads())))

    def __call__(self, *arguments: str, **settings: str) -> Done:
        """Call a command and assert that nothing has sung."""
        self.caplog.clear()
        done = here(*arguments, **{**self.settings, **settings})
        told = "\n".join(self.caplog.handler.format(each) for each in self.caplog.records if each.name != "reconcile")
        assert not found(done.out), arguments
        assert not found(done.err), arguments
        assert not found(told), "a library's log, which a process without a handler prints on stderr"
        return done

    def meets(self, fault: Fault, *, mode: str) -> None:
        """Make a run that meets *fault*, knowing nothing of earlier ones."""
        self.server.switch(fault)
        self.forgotten()
        assert self("run", output="json", circuit_breaker_mode=mode).code == 0
        self.tables_are_silent(fault)

    def tables_are_silent(self, about: object = None) -> None:
        """Assert that nothing sings in our tables, nor in what was delivered out of them."""
        for name, rows in canaries.tables_of(self.path):
            assert not found(rows), (name, about)
        for each in self.deliveries:
            assert not found(f"{each.headers} {each.body!r}"), about

    def asked(self) -> None:
        """Ask everything that an operator may ask, in both forms."""
        for output in ("text", "json"):
            for question in QUESTIONS:
                assert self(*question, output=output).code in {0, 75, 78}
            runs = self("status", output="json").json["runs"]
            assert self("explain", "run", runs[0]["runId"], output=output).code == 0
        self.tables_are_silent()

    def forgotten(self) -> None:
        """Forget what earlier runs have learned, so that the next one asks again."""
        with closing(sqlite3.connect(self.path)) as connection:
            for table in ("lead_state", "breaker", "budget", "workspace_state"):
                connection.execute(f"DELETE FROM reconcile_{table}")  # noqa: S608
            connection.commit()


def workspaces() -> Iterator[Workspace]:
    for name in (*WORKSPACES, "ws-3"):
        yield Workspace(
            id=WorkspaceId(name),
            credentials={
                ProviderName.HIGHLEVEL: Credential(
                    provider=ProviderName.HIGHLEVEL, token=Token(f"{canaries.GHL_TOKEN}-{name}"), account=f"loc-{name}"
                ),
                # A person's address where an account's id belongs: wrong, and likely.
                ProviderName.CALENDLY: Credential(
                    provider=ProviderName.CALENDLY, token=Token(canaries.CALENDLY_TOKEN + name), account=HOST_EMAIL
                ),
            },
        )


def leads() -> Iterator[Lead]:
    """Yield leads of all kinds: booked at either provider, known by contact, by address alone, by nonsense."""
    bookings = {
        "ghl": ("app-{}", ProviderName.HIGHLEVEL),
        "calendly": ("https://api.calendly.com/scheduled_events/ev-{0}/invitees/inv-{0}", ProviderName.CALENDLY),
        "event": ("https://api.calendly.com/scheduled_events/ev-{}?email=" + EMAIL, None),
        "nonsense": (f"{NAME} <{EMAIL}>", None),
        "contact": (None, None),
        "address": (None, None),
    }
    for workspace in (*WORKSPACES, "ws-3"):
        for kind, (booking, provider) in bookings.items():
            for number in range(LEADS if kind in {"ghl", "calendly"} else 1):
                name = f"{workspace}-{number}"
                yield Lead(
                    id=LeadId(f"{workspace}-{kind}-{number}"),
                    workspace_id=WorkspaceId(workspace),
                    email=f"{name}.{EMAIL}",
                    contact_id=f"con-{name}" if kind in {"ghl", "contact"} else None,
                    status=LeadStatus.QUALIFIED,
                    rollup=Rollup(booking_id=booking.format(name) if booking else None, provider=provider),
                    in_sequence=True,
                )


@pytest.fixture
def company(
    sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> Iterator[SimulatedCompany]:
    deliveries = canaries.talkative_simulator(monkeypatch)
    folder = tmp_path / "cwd"
    folder.mkdir()
    monkeypatch.chdir(folder)
    caplog.set_level(logging.WARNING)
    with canaries.served(canaries.a_world()) as server:
        yield SimulatedCompany(server, tmp_path, sqlite_template, caplog, deliveries)
    assert list(folder.iterdir()) == [], "files left behind"


def test_a_canary_is_found_in_every_form() -> None:
    import base64  # noqa: PLC0415
    from urllib.parse import quote  # noqa: PLC0415

    for text in (EMAIL, EMAIL.upper(), quote(EMAIL), EMAIL[::-1], EMAIL.encode().hex(), str(EMAIL.encode())):
        assert found(f"…{text}…"), text
    for offset in range(3):
        assert found(base64.b64encode(b"x" * offset + EMAIL.encode()).decode()), offset
    assert not found("nothing of the kind")


def test_healthy_runs_reveal_no_secret(company: SimulatedCompany) -> None:
    for output in ("text", "json"):
        company.forgotten()
        done = company("run", output=output)
        assert done.code == 0
        company("run", "--dry-run", output=output)
    assert done.json["leadsChecked"] > 10
    company.asked()


@samples.cells(1)
@pytest.mark.parametrize("output", ["text", "json"])
def test_a_plan_has_no_personal_data(company: SimulatedCompany, output: str) -> None:
    where = [word for each in WORKSPACES for word in ("--workspace", each)]
    assert company("backfill", "plan", *where, "--name", "p", output=output).code == 0
    plan = company("backfill", "status", "p", output="json").json
    company.tables_are_silent()
    assert company("backfill", "apply", "p", "--approve", plan["hash"], output=output).code == 0
    assert company("backfill", "reset", *where, output=output).code == 0
    assert company("backfill", "status", output=output).code == 0
    company.asked()

    assert plan["counts"]["planned"] > 10


@samples.cells(1)
@each_part
def test_no_provider_fault_reveals_a_secret(company: SimulatedCompany, part: int) -> None:
    """Each fault with the breakers at work or without, where every lead meets it."""
    for number, kind in enumerate(sorted(set(FaultKind) - HARMLESS)[part::PARTS]):
        faults = [Fault(kind=kind, value=value) for value in KINDS[kind].choices or (KINDS[kind].default,)]
        if kind in {FaultKind.BAD_REQUEST, FaultKind.UNPROCESSABLE}:
            faults.append(Fault(kind=kind, value=f"{NAME} not found"))
        for fault in faults:
            company.meets(fault, mode=MODES[number % 2])
    company.asked()


@each_part
def test_personal_fields_appear_in_no_output(company: SimulatedCompany, part: int) -> None:
    """What we read holds a person where an id, a status or an instant belongs."""
    for field in FIELDS[part::PARTS]:
        for value in (EMAIL, {EMAIL: NAME}):
            if (field, value) != ("id", EMAIL):  # see below
                company.meets(said(field, value), mode="metrics_only")
    company.asked()


def test_an_address_is_no_id(company: SimulatedCompany) -> None:
    company.meets(said("id", EMAIL), mode="metrics_only")


def said(field: str, value: object) -> Fault:
    return Fault(kind=FaultKind.SET_FIELD, value=f"{field}={orjson.dumps(value).decode()}")


def test_the_incident_reports_the_missing_field_and_no_person(company: SimulatedCompany) -> None:
    company.server.switch(Fault(kind=FaultKind.MISSING_ID, api=Api.GHL))
    # Time for every call, also on a busy machine: a call that times out has no field that is missing.
    done = company("run", output="json", attempt_timeout_seconds="60", run_budget_seconds="300")
    company("run", output="text")

    assert done.json["errors"] > 0
    assert "response missing required ID field" in done.out
    company.asked()
    for verb in ("trip", "hold", "reset"):
        company("breaker", verb, "provider:ghl", "--reason", "a test", "--for", "1m")
    company("quarantine", "release", "--all")
    company.asked()
