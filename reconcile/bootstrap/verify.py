"""Sources of verify: the ledger, log files, the pods of a CronJob, and our own runs."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime

from reconcile import bootstrap
from reconcile.domain.run.report import RunReport
from reconcile.domain.run.request import RunRequest
from reconcile.kube.object_reference import ObjectReference
from reconcile.kube.pod_logs import PodLogs
from reconcile.logs.entries import entries
from reconcile.logs.files import LogFile
from reconcile.ports.logs import LogSource
from reconcile.services.verification.verify import Means, OnRuling
from reconcile.settings import Settings


@asynccontextmanager
async def means_of(settings: Settings, *, needs_store: bool, on_look: OnRuling | None = None) -> AsyncIterator[Means]:
    """Yield the sources; the database is opened only when one of them needs it."""

    async def run(request: RunRequest) -> RunReport:
        return await bootstrap.run_of_several(settings, request)

    def pods(name: str, since: datetime) -> LogSource:
        target = ObjectReference.parse(
            f"cronjob/{name}", namespace=settings.namespace, account_dir=settings.service_account_dir
        )
        return PodLogs(target=target, since=since, read=entries)

    async with AsyncExitStack() as stack:
        opened = await stack.enter_async_context(bootstrap.open_database(settings)) if needs_store else None
        yield Means(
            clock=bootstrap.SystemClock(),
            store=None if opened is None else opened.store,
            log_file=LogFile,
            pods=pods,
            run=run,
            on_look=on_look,
        )
