"""The heartbeat of a run over the whole schedule, if settings name a monitor."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from reconcile.bootstrap.threads import DaemonThreads
from reconcile.domain.ids import RunId
from reconcile.domain.run.report import RunReport
from reconcile.domain.run.request import RunRequest
from reconcile.ports import Clock, HeartbeatSignal, Telemetry
from reconcile.services.alerting.heartbeat import Heartbeat, signal_of
from reconcile.settings import Settings


@dataclass(slots=True, kw_only=True)
class RunHeartbeat:
    """The heartbeat of a run, and its report when it is there."""

    sender: Heartbeat | None
    report: RunReport | None = None


@asynccontextmanager
async def heartbeat_of(  # noqa: PLR0913 - what a run is, and what it uses
    settings: Settings | None,
    request: RunRequest,
    is_failed: Callable[[RunReport], bool],
    *,
    run_id: RunId,
    clock: Clock,
    telemetry: Telemetry,
) -> AsyncIterator[RunHeartbeat]:
    """Send how the run ended when the block ends: its report, or an exception, which is a failure.

    A dry run and a run of one workspace send nothing: they do not say that the schedule works.
    """
    if settings is None or settings.heartbeat_url is None or request.dry_run or request.workspace is not None:
        yield RunHeartbeat(sender=None)
        return
    from reconcile.alerts.heartbeat import PingUrl  # noqa: PLC0415 - loads the HTTP client
    from reconcile.alerts.post import Post  # noqa: PLC0415
    from reconcile.providers.http.transport import AiohttpTransport  # noqa: PLC0415

    asyncio.get_running_loop().set_default_executor(DaemonThreads())
    async with AsyncExitStack() as stack:
        transport = AiohttpTransport()
        stack.push_async_callback(transport.aclose)
        monitor = PingUrl(settings.heartbeat_url, post=Post(name="the monitor", transport=transport, clock=clock))
        sender = Heartbeat(monitor=monitor, run_id=run_id, clock=clock, telemetry=telemetry)
        run = RunHeartbeat(sender=sender)
        try:
            yield run
        except Exception:
            await sender.end(HeartbeatSignal.FAILURE)
            raise
        except BaseException:  # Ctrl-C
            await sender.end(None)
            raise
        ended = None if run.report is None else signal_of(run.report, is_failed=is_failed(run.report))
        await sender.end(ended)
