"""Time zones of GHL's locations, for times without an offset.

Such a time is local time of the location. The workspace's mapped zone is used only if the location cannot be read. If
the two differ, the location's is used, and a note in the report says so.
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


class LookupSkipped(Exception):
    """The look-up cannot be made; *reason* says why."""

    def __init__(self, reason: SkipReason) -> None:
        super().__init__(reason)
        self.reason = reason


class LocationZones:
    """Requests the zone of each location at most once in a run, when a time needs it."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._names: dict[str, str | None] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._compared: set[WorkspaceId] = set()

    async def of(self, content: object, workspace: Workspace, account: Account, *, deadline: float) -> tzinfo | None:
        """Return the zone of times without an offset in *content*; None if there are none; raises LookupSkipped."""
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
        raise LookupSkipped(SkipReason.NOT_CONFIGURED)

    async def _name(self, location_id: str | None, account: Account, *, deadline: float, is_needed: bool) -> str | None:
        """Return the name of a location's zone; None if reading it is forbidden and it is not needed (*is_needed*)."""
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
    """Return whether the offsets of two zones differ, now or in half a year."""
    return any(at.astimezone(one).utcoffset() != at.astimezone(other).utcoffset() for at in (now, now + _HALF_YEAR))
