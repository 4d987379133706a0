"""A foreign token canary: whatever stands in the database or in answers, only the providers hear of a token."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from reconcile import bootstrap
from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.credential import Credential
from reconcile.domain.ids import LeadId, ProviderName, WorkspaceId
from reconcile.domain.lead import Lead, Rollup
from reconcile.domain.run.report import RunReport
from reconcile.domain.workspace import Workspace
from reconcile.drill.company import lead_of, workspace_of
from reconcile.settings import Settings
from reconcile.simulator import Api, Fault, FaultKind, Simulator, World, WorldSize, simulate
from reconcile.simulator.faults.response_faults import redirect_answer
from reconcile.simulator.router import Router
from tests import samples, stores
from tests.integration.receiver import Listener, Receiver, a_receiver, start_listener
from tests.substitution import substitute_in_test
from tests.use_cases import RunRequest

SIZE = WorldSize(workspaces=2, leads_per_workspace=10)
MANY = 48
PATH = "scheduled_events/EVENT1/invitees/INVITEE1"

pytestmark = pytest.mark.integration


@dataclass
class Scene:
    """Two providers that record the tokens they get, a webhook, and a listener that must get no connection."""

    simulator: Simulator
    receiver: Receiver
    listener: Listener
    url: str
    shown: dict[Api, set[str]] = field(default_factory=lambda: {api: set() for api in Api})

    @property
    def world(self) -> World:
        return self.simulator.world

    async def run(
        self, *, change: Callable[[Workspace], Workspace] = lambda same: same, leads: list[Lead]
    ) -> RunReport:
        """Make a run over the world and *leads*."""
        await bootstrap.seed_url(
            self.url,
            workspaces=[change(workspace_of(each)) for each in self.world.workspaces.values()],
            leads=[*(lead_of(each) for each in self.world.leads), *leads],
        )
        environment: Mapping[str, str] = {
            "RECONCILE_DATABASE_URL": self.url,
            "RECONCILE_GHL_BASE_URL": self.simulator.ghl_url,
            "RECONCILE_CALENDLY_BASE_URL": self.simulator.calendly_url,
            "RECONCILE_WEBHOOK_URL": self.receiver.url,
            "RECONCILE_WEBHOOK_SECRET": "a-secret-of-the-webhook",
            "RECONCILE_FOLLOW_UPS": "all",
            "RECONCILE_CIRCUIT_BREAKER_MODE": "metrics_only",
            "RECONCILE_ATTEMPT_TIMEOUT_SECONDS": "2",
        }
        request = RunRequest(workspace_limit=100, leads_per_workspace=1000)
        return await bootstrap.run(Settings.from_env(environment), request)

    def nobody_else_has_heard_of_a_token(self) -> None:
        """Assert what this is about."""
        assert (self.listener.connection_count, self.listener.received) == (0, b"")
        workspaces = self.world.workspaces.values()
        own = {
            Api.GHL: {f"Bearer {each.location_token}" for each in workspaces},
            Api.CALENDLY: {f"Bearer {each.calendly_token}" for each in workspaces},
        }
        for api in Api:
            assert self.shown[api], "it was asked"
            assert self.shown[api] <= own[api], "no token but its own"
        tokens = {each.removeprefix("Bearer ") for each in chain(*own.values())}
        for each in self.receiver.deliveries:
            said = f"{each.target} {each.headers} {each.body!r}"
            assert not any(token in said for token in tokens)


@pytest.fixture
async def scene(sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    async with a_scene(stores.sqlite_copy(sqlite_template, tmp_path), monkeypatch) as scene:
        yield scene


@asynccontextmanager
async def a_scene(url: str, monkeypatch: pytest.MonkeyPatch, *, size: WorldSize = SIZE) -> AsyncIterator[Scene]:
    now = datetime.now(UTC)
    world = World.generate(seed=5, now=lambda: datetime.now(UTC), anchor=now, size=size)
    async with simulate(world) as simulator, a_receiver() as receiver, start_listener() as listener:
        scene = Scene(simulator=simulator, receiver=receiver, listener=listener, url=url)
        respond = Router.respond

        def noting(self: Router, api: Api, request: Any) -> Any:
            scene.shown[api].add(request.headers.get("authorization", ""))
            return respond(self, api, request)

        monkeypatch.setattr(Router, "respond", noting)
        yield scene


def addresses(scene: Scene) -> list[str]:
    """Return *PATH* at the listener, in every form that some parser might take for it."""
    listener, port = scene.listener.authority, scene.listener.port
    calendly = scene.simulator.calendly_url
    return [
        f"https://{listener}/{PATH}",
        f"http://{listener}/{PATH}",
        f"HTTP://{listener}/{PATH}",
        f"ftp://{listener}/{PATH}",
        f"//{listener}/{PATH}",
        f"///{listener}/{PATH}",
        f"http:/{listener}/{PATH}",
        f"http:{listener}/{PATH}",
        f"{listener}/{PATH}",
        f"http://user:word@{listener}/{PATH}",
        f"http://api.calendly.com@{listener}/{PATH}",
        f"http://{listener}@api.calendly.com/{PATH}",
        f"{calendly}@{listener}/{PATH}",
        f"{calendly}.{listener}/{PATH}",
        f"{calendly}/@{listener}/{PATH}",
        f"{calendly}//{listener}/{PATH}",
        f"http://api.calendly.com:{port}/{PATH}",
        f"http://localhost:{port}/{PATH}",
        f"http://2130706433:{port}/{PATH}",
        f"http://0x7f.1:{port}/{PATH}",
        f"http://[::ffff:127.0.0.1]:{port}/{PATH}",
        f"http://127。0。0。1:{port}/{PATH}",
        f"\\\\{listener}\\{PATH}",
        f"http:\\\\{listener}\\{PATH}",
        f"{calendly}\\@{listener}/{PATH}",
        f"http://{listener}#@api.calendly.com/{PATH}",
        f"http://{listener}?@api.calendly.com/{PATH}",
        f"http://{listener}\t/{PATH}",
        f" http://{listener}/{PATH}\n",
        f"scheduled_events/EVENT1/../../../{listener}/x",
        f"scheduled_events/%2e%2e%2f%2f{listener}/invitees/INVITEE1",
        f"scheduled_events/@{listener}",
        f"scheduled_events/EVENT1?next=http://{listener}/",
        f"scheduled_events/EVENT1\r\nHost: {listener}",
        f"EVENT1 HTTP/1.1\r\nHost: {listener}\r\n\r\nGET /",
        f"..//{listener}/",
        f"@{listener}",
        f"%40{listener}",
    ]


def led_astray(scene: Scene) -> list[Lead]:
    """Return leads whose rows point to the listener, as a booking of either provider, as a contact and as an e-mail."""
    workspaces = sorted(scene.world.workspaces)
    leads = []
    for number, address in enumerate(addresses(scene)):
        for provider in (None, *ProviderName):
            rollup = Rollup(booking_id=address, provider=provider, status=AppointmentStatus.CONFIRMED)
            lead_id, workspace_id = LeadId(f"astray-{number}-{provider}"), WorkspaceId(workspaces[number % 2])
            leads.append(Lead(id=lead_id, workspace_id=workspace_id, rollup=rollup, in_sequence=True))
        person = Lead(
            id=LeadId(f"astray-{number}"),
            workspace_id=WorkspaceId(workspaces[number % 2]),
            email=f"ann@{address}",
            contact_id=address,
            in_sequence=True,
        )
        leads += [person, replace(person, id=LeadId(f"{person.id}-email"), contact_id=None)]
    return leads


async def test_stored_addresses_lead_nowhere(scene: Scene) -> None:
    report = await scene.run(leads=led_astray(scene))

    assert report.leads_checked + report.skipped + report.deferred == len(scene.world.leads) + 5 * len(addresses(scene))
    scene.nobody_else_has_heard_of_a_token()


async def test_accounts_that_are_addresses_lead_nowhere(
    sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The columns beside the tokens: what stands there becomes part of requests. Each workspace has another form."""
    url, size = stores.sqlite_copy(sqlite_template, tmp_path), WorldSize(workspaces=MANY, leads_per_workspace=4)
    async with a_scene(url, monkeypatch, size=size) as scene:
        forms = [*addresses(scene), f"http://{scene.listener.authority}/users/USER1", "../../x", "a/b?c#d", "x" * 5000]
        assert len(forms) <= MANY
        given = dict(zip(sorted(scene.world.workspaces), forms, strict=False))

        def change(workspace: Workspace) -> Workspace:
            account = given.get(workspace.id)
            if account is None:
                return workspace
            changed: dict[ProviderName, Credential] = {
                name: replace(each, account=account) for name, each in workspace.credentials.items()
            }
            return replace(workspace, credentials=changed)

        await scene.run(change=change, leads=[])

        scene.nobody_else_has_heard_of_a_token()


@samples.cells(3)
@pytest.mark.parametrize(
    "form", ["http://{}", "http://user:word@{}", "//{}", "http:\\\\{}", "http://api.calendly.com@{}"]
)
@pytest.mark.parametrize("kind", [FaultKind.NEXT_PAGE_ORIGIN, FaultKind.URI_ORIGIN])
async def test_no_value_from_calendly_leads_to_another_origin(scene: Scene, kind: FaultKind, form: str) -> None:
    faults = (
        Fault(kind=kind, value=form.format(scene.listener.authority)),
        Fault(kind=FaultKind.PAGE_KEYS, value="legacy"),
        Fault(kind=FaultKind.ENDLESS_PAGES),
    )
    scene.simulator.faults.add(*faults)
    report = await scene.run(leads=[])

    assert report.provider_calls > len(scene.world.leads), "pages were asked for"
    scene.nobody_else_has_heard_of_a_token()


@samples.cells(6)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("form", ["http://{}/", "//{}/", "http://user:word@{}/", "\\\\{}", "http:{}"])
async def test_redirects_lead_nowhere(scene: Scene, status: int, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither those of a provider nor those of the webhook."""
    location = form.format(scene.listener.authority)
    scene.simulator.faults.add(Fault(kind=FaultKind.REDIRECT, value=location, times=6))
    scene.receiver.answer = f"HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()
    substitute_in_test(monkeypatch, redirect_answer, lambda to: redirected(to, status))
    report = await scene.run(leads=[])

    assert report.errors > 0
    assert scene.receiver.deliveries
    assert report.effects_delivered == 0
    scene.nobody_else_has_heard_of_a_token()


def redirected(location: str, status: int) -> Any:
    from reconcile.simulator.wire import SimulatedResponse  # noqa: PLC0415

    return SimulatedResponse(status=status, payload=b"", headers={"Location": location})
