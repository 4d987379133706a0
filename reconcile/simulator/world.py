"""The simulated world: both providers' records, and the stored data of a company."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from reconcile.simulator.calendly.state import CalendlyState
from reconcile.simulator.generation.generator import WorldGenerator
from reconcile.simulator.generation.leads import GeneratedLead, GeneratedWorkspace
from reconcile.simulator.generation.scenarios import DEFAULT_MIX, Scenario
from reconcile.simulator.ghl.state import GhlState
from reconcile.simulator.ids import Ids
from reconcile.simulator.wire import Api


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldSize:
    """How much to generate; *mix* gives each scenario its weight, *calendly_share* splits leads between providers."""

    workspaces: int = 2
    leads_per_workspace: int = 10
    calendly_share: float = 0.5
    mix: Mapping[Scenario, float] = field(default_factory=lambda: DEFAULT_MIX)


class World:
    """The state of both providers; changes while the server runs apply from the next response on.

    *now* is the only clock: a test passes its own, and simulated times of faults are compared with it.
    """

    def __init__(self, *, now: Callable[[], datetime], seed: int = 0) -> None:
        ids = Ids(seed)
        self._clock = now
        self.ghl = GhlState(now=self.now, ids=ids)
        self.calendly = CalendlyState(now=self.now, ids=ids)
        self.workspaces: dict[str, GeneratedWorkspace] = {}
        self.leads: list[GeneratedLead] = []

    def now(self) -> datetime:
        """Return the simulated time."""
        return self._clock()

    @classmethod
    def generate(
        cls,
        *,
        seed: int,
        now: Callable[[], datetime],
        size: WorldSize | None = None,
        anchor: datetime | None = None,
    ) -> Self:
        """Generate a world of any size; the same seed, size and *anchor* give exactly the same world.

        The default *anchor* is now; two processes that need the same world share it.
        """
        fixed, size = anchor or now(), size or WorldSize()
        world = cls(now=lambda: fixed, seed=seed)
        generator = WorldGenerator(ghl=world.ghl, calendly=world.calendly, anchor=fixed, seed=seed)
        for index in range(size.workspaces):
            workspace = generator.workspace(index)
            world.workspaces[workspace.id] = workspace
            for number in range(size.leads_per_workspace):
                api = _api(number, size.calendly_share)
                world.leads.append(generator.lead(workspace, number, api=api, mix=size.mix))
        world._clock = now  # Everything was generated at one instant; from here on time passes.
        return world


def _api(number: int, calendly_share: float) -> Api:
    """Distribute the providers evenly instead of drawing them: a small world has leads of both."""
    return Api.CALENDLY if int((number + 1) * calendly_share) > int(number * calendly_share) else Api.GHL
