"""The state object of these settings, if they name one: what a run shows itself on, and what the doctor looks at."""

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from reconcile.domain.finding import Finding
from reconcile.ports import Clock, Telemetry
from reconcile.services.control.mirror import Mirror
from reconcile.services.maintenance.rights import rights
from reconcile.settings import Settings

if TYPE_CHECKING:
    from reconcile.kube.mirror import KubeMirror


@asynccontextmanager
async def mirror_of(settings: Settings | None, *, clock: Clock, telemetry: Telemetry) -> AsyncIterator[Mirror | None]:
    """Begin to read the state object, if there is one, before anything else is loaded or opened."""
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
    """Return what is found of the state object and of the rights to it, where there is one."""
    port = _port(settings)
    return [] if port is None else await rights(port)


def _port(settings: Settings) -> "KubeMirror | None":
    if settings.state_object is None:
        return None
    # Loaded in a cluster alone.
    from reconcile.kube.mirror import KubeMirror  # noqa: PLC0415
    from reconcile.kube.object_reference import ObjectReference  # noqa: PLC0415

    account_dir = settings.service_account_dir
    return KubeMirror(
        ObjectReference.parse(settings.state_object, namespace=settings.namespace, account_dir=account_dir)
    )
