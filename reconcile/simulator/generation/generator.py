"""Generates workspaces and leads from a seed, each lead with a scenario."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from reconcile.simulator.calendly.state import CalendlyState
from reconcile.simulator.generation.histories import add_calendly_history, add_ghl_history
from reconcile.simulator.generation.leads import GeneratedLead, GeneratedWorkspace
from reconcile.simulator.generation.scenarios import Person, Scenario
from reconcile.simulator.ghl.state import GhlState
from reconcile.simulator.wire import Api

_TIME_ZONES = ("America/New_York", "Europe/Berlin", "Asia/Kolkata", "America/Los_Angeles", "Australia/Sydney", "UTC")
_FIRST_NAMES = ("Ann", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gia", "Hugo", "Ida", "Jon", "Kim", "Lea")
_LAST_NAMES = ("Adler", "Brook", "Cohen", "Diaz", "Evans", "Fox", "Gupta", "Hill", "Ito", "Jung", "Khan", "Lopez")
_PAST = frozenset({Scenario.SHOWED, Scenario.NO_SHOW})
_KNOWN_CONTACTS = 0.8
_KNOWN_BOOKINGS = 0.7


@dataclass(slots=True, kw_only=True)
class WorldGenerator:
    """Writes into the states of both providers; *anchor* is the reference time of all others."""

    ghl: GhlState
    calendly: CalendlyState
    anchor: datetime
    seed: int
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        """Seed the choices separately from the ids, so that neither affects the other."""
        self._random = random.Random(f"author-{self.seed}")

    def workspace(self, number: int) -> GeneratedWorkspace:
        """Create one customer's accounts at both providers."""
        name, zone = f"ws-{number:04d}", _TIME_ZONES[number % len(_TIME_ZONES)]
        location = self.ghl.add_location(workspace=name, time_zone=zone)
        user = self.calendly.add_user(workspace=name, time_zone=zone)
        return GeneratedWorkspace(
            id=name,
            time_zone=zone,
            location_id=location.id,
            location_token=location.token,
            calendly_user_id=user.id,
            calendly_organization_id=user.organization_id,
            calendly_token=user.token,
        )

    def lead(
        self, workspace: GeneratedWorkspace, number: int, *, api: Api, mix: Mapping[Scenario, float]
    ) -> GeneratedLead:
        """Create one lead with a scenario drawn from *mix*, and return what the company stores of it."""
        scenario = self._random.choices(tuple(mix), weights=tuple(mix.values()))[0]
        person = self._person(workspace, number, past=scenario in _PAST)
        if api is Api.GHL:
            story = add_ghl_history(self.ghl, workspace.location_id, person=person, scenario=scenario)
        else:
            story = add_calendly_history(self.calendly, workspace.calendly_user_id, person=person, scenario=scenario)
        knows_contact, knows_booking = self._random.random(), self._random.random()
        return GeneratedLead(
            id=f"{workspace.id}-lead-{number:05d}",
            workspace_id=workspace.id,
            api=api,
            scenario=scenario,
            email=person.email,
            name=person.name,
            contact_id=story.contact_id if knows_contact < _KNOWN_CONTACTS else None,
            stored=story.first if knows_booking < _KNOWN_BOOKINGS else None,
            truth=story.truth,
        )

    def _person(self, workspace: GeneratedWorkspace, number: int, *, past: bool) -> Person:
        first, last = self._random.choice(_FIRST_NAMES), self._random.choice(_LAST_NAMES)
        distance = timedelta(hours=self._random.randint(2, 20 * 24))
        hour = self.anchor.replace(minute=0, second=0, microsecond=0)
        return Person(
            email=f"{first}.{last}.{number}@{workspace.id}.example.com".lower(),
            name=f"{first} {last}",
            entered_at=self.anchor - timedelta(days=self._random.randint(30, 60), seconds=number),
            slot=hour - distance if past else hour + distance,
            number=number,
        )
