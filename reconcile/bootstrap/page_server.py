"""Serves page, status and metrics over the database of the settings."""

import logging
from collections.abc import Callable, Sequence

import reconcile
from reconcile.bootstrap import SystemClock
from reconcile.bootstrap.page import facts
from reconcile.bootstrap.status import status
from reconcile.domain.plain_json import plain
from reconcile.domain.views.gauge import Gauge
from reconcile.page.auth import PageAuth
from reconcile.page.documents import Sources
from reconcile.page.server import serve as serve_page
from reconcile.redaction import bug_named
from reconcile.services.views.gauges import status_gauges, unreachable_gauges
from reconcile.settings import Settings


async def serve(settings: Settings, *, host: str, port: int, on_ready: Callable[[str], None]) -> None:
    """Serve page, status and metrics until the task is canceled."""

    async def status_json() -> object:
        return plain(await status(settings))

    async def gauges() -> Sequence[Gauge]:
        return status_gauges(await status(settings), version=reconcile.__version__)

    await serve_page(
        PageAuth.at(host, token=settings.page_token),
        port=port,
        sources=Sources(
            page=lambda span: facts(settings, span=span),
            status=status_json,
            gauges=gauges,
            unreachable=unreachable_gauges(),
        ),
        clock=SystemClock(),
        logger=bug_logger(),
        on_ready=on_ready,
    )


def bug_logger() -> logging.Logger:
    """Return a logger that logs a bug by type and place, without its text, which may hold personal data."""
    logger = logging.getLogger("reconcile.serve")
    logger.addFilter(_named)
    return logger


def _named(record: logging.LogRecord) -> bool:
    if record.exc_info and record.exc_info[1]:
        record.facts = {"what": bug_named(record.exc_info[1])}
        record.exc_info = None
    return True
