"""Creates the mirror of the state object from settings, for runs and the doctor."""

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from reconcile.domain.views.finding import Finding
from reconcile.ports import Clock, Telemetry
from reconcile.services.control.mirror import Mirror
from reconcile.services.maintenance.rights import rights
from reconcile.settings import Settings

if TYPE_CHECKING:
    from reconcile.kube.mirror import KubeMirror


@asynccontextmanager
async def mirror_of(settings: Settings | None, *, clock: Clock, telemetry: Telemetry) -> AsyncIterator[Mirror | None]:
    """Start to read the state object, if there is one, before other modules are imported."""
    port = None if settings is None else _port(settings)
    if port is None:
        yield None
        return
    mirror = Mirror(port=port, clock=clock, random=random.Random(), telemetry=telemetry, source=port.source)
    mirror.begin()
    try:
        yield mirror
    finally:
        await mirror.close()


async def state_findings(settings: Settings) -> Sequence[Finding]:
    """Return findings about the state object and the rights to it, if there is one."""
    port = _port(settings)
    return [] if port is None else await rights(port)


def _port(settings: Settings) -> "KubeMirror | None":
    if settings.state_object is None:
        return None
    # imported in a cluster only
    from reconcile.kube.mirror import KubeMirror  # noqa: PLC0415
    from reconcile.kube.object_reference import ObjectReference  # noqa: PLC0415

    account_dir = settings.service_account_dir
    return KubeMirror(
        ObjectReference.parse(settings.state_object, namespace=settings.namespace, account_dir=account_dir)
    )
