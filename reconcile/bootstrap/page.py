"""The page over the database of the settings: as a file, or served."""

import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import reconcile
from reconcile.bootstrap import SystemClock, open_database
from reconcile.domain.plain_json import plain
from reconcile.domain.views.gauge import Gauge
from reconcile.domain.views.page import PageFacts
from reconcile.errors import RequestError
from reconcile.redaction import bug_named
from reconcile.services.views.gauges import status_gauges, unreachable_gauges
from reconcile.services.views.page import page_facts
from reconcile.services.views.parked import list_breakers
from reconcile.services.views.status import Overview, overview
from reconcile.settings import Settings


async def facts(settings: Settings, *, span: timedelta) -> PageFacts:
    """Return the content of the page for the last *span*."""
    async with open_database(settings) as database:
        now = database.clock.now()
        return await page_facts(
            database.store,
            now=now,
            span=span,
            due=settings.due_policy(),
            breaker=settings.breaker_policy(),
            planned=settings.planned_cadence(now),
        )


async def status(settings: Settings, *, is_complete: bool = False) -> Overview:
    """Return the current status; if *is_complete*, with each breaker of many parked workspaces."""
    async with open_database(settings) as database:
        now = database.clock.now()
        policy = settings.breaker_policy()
        view = await overview(
            database.store,
            now=now,
            due=settings.due_policy(),
            breaker=policy,
            planned=settings.planned_cadence(now),
        )
        if not is_complete:
            return view
        found = await list_breakers(database.store, now=now, policy=policy, is_complete=True)
        return replace(view, breakers=found.shown, hidden_count=0)


def html(found: PageFacts) -> str:
    """Return the page as one document."""
    from reconcile.page.render import page  # noqa: PLC0415
    from reconcile.page.svg import library  # noqa: PLC0415 - neither template engine nor charts but for a page

    library()
    return page(found)


def keep(text: str, path: Path) -> None:
    """Write *text* to *path* atomically; raise RequestError if that fails."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        if path.exists() and not path.is_file():  # a pipe or a device is written to, not replaced
            path.write_text(text, encoding="utf-8")
            return
        try:
            beside.write_text(text, encoding="utf-8")
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise RequestError(f"{path} cannot be written: {error.strerror}") from error


async def serve(settings: Settings, *, host: str, port: int, on_ready: Callable[[str], None]) -> None:
    """Serve page, status and metrics until the task is canceled."""
    from reconcile.page.auth import PageAuth  # noqa: PLC0415
    from reconcile.page.documents import Sources  # noqa: PLC0415
    from reconcile.page.server import serve as serve_page  # noqa: PLC0415

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
    """Return a function that logs a bug by type and place, without its text, which may hold personal data."""
    logger = logging.getLogger("reconcile.serve")
    logger.addFilter(_named)
    return logger


def _named(record: logging.LogRecord) -> bool:
    if record.exc_info and record.exc_info[1]:
        record.facts = {"what": bug_named(record.exc_info[1])}
        record.exc_info = None
    return True
