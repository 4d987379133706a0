"""The zones of GHL's locations: whose wall clock a time without an offset is.

A naive time is in the location's zone. The workspace's own column says a zone only where the location cannot be asked;
where the two differ, the location's is used and a note says so.
"""

import asyncio
from collections import defaultdict
from datetime import datetime, timedelta, tzinfo

from reconcile.domain.ids import Operation, WorkspaceId
from reconcile.domain.planning.outcome import SkipReason
from reconcile.domain.workspace import Workspace
from reconcile.errors import ErrorClass, ProviderRejected
from reconcile.providers import fields
from reconcile.providers.account import Account
from reconcile.providers.ghl import parsing as ghl_parsing
from reconcile.providers.ghl.versions import CONTACTS
from reconcile.providers.http.call import Call
from reconcile.providers.http.client import Gateway

_HALF_YEAR = timedelta(days=182)


class CannotTell(Exception):
    """The workspace lacks something that the look-up needs; carries the reason."""

    def __init__(self, reason: SkipReason) -> None:
        super().__init__(reason)
        self.reason = reason


class LocationZones:
    """Asks for the zone of each location once in a run, and only where a time needs it."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._names: dict[str, str | None] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._compared: set[WorkspaceId] = set()

    async def of(self, content: object, workspace: Workspace, account: Account, *, deadline: float) -> tzinfo | None:
        """Return the zone of the naive times in *content*, None where there are none; raises CannotTell."""
        if not ghl_parsing.needs_zone(content):
            return None
        configured = fields.zone_named(workspace.timezone)
        location_id = account.credential.account
        name = await self._name(location_id, account, deadline=deadline, is_needed=configured is None)
        found = fields.zone_named(name)
        if found and configured and workspace.id not in self._compared:
            self._compared.add(workspace.id)
            if _differ(found, configured, self._gateway.clock.now()):
                account.note(
                    f"workspace {workspace.id}: its mapped time zone {configured.key} is not its GoHighLevel "
                    f"location's, {found.key}, which is used"
                )
        if zone := found or configured:
            return zone
        raise CannotTell(SkipReason.NOT_CONFIGURED)

    async def _name(self, location_id: str | None, account: Account, *, deadline: float, is_needed: bool) -> str | None:
        """Return what a location calls its zone; None where it may not be asked and that *is_needed* for nothing."""
        if location_id is None:
            return None
        async with self._locks[location_id]:
            if location_id not in self._names:
                call = Call(
                    operation=Operation.LOCATION,
                    path="/locations/{location_id}",
                    path_params={"location_id": location_id},
                    headers=CONTACTS,
                )
                try:
                    content = await account.content(call, deadline=deadline)
                except ProviderRejected as error:
                    if is_needed or error.error_class is not ErrorClass.CREDENTIAL:
                        raise
                    account.note(f"a location's time zone could not be compared with its workspace's: {error}")
                    self._names[location_id] = None
                else:
                    self._names[location_id] = ghl_parsing.read_time_zone(content)
        return self._names[location_id]


def _differ(one: tzinfo, other: tzinfo, now: datetime) -> bool:
    """Tell whether two zones differ by what their clocks show, now or in the other half of the year."""
    return any(at.astimezone(one).utcoffset() != at.astimezone(other).utcoffset() for at in (now, now + _HALF_YEAR))
