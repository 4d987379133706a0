"""The page over the database of the settings, as a document or a file."""

import secrets
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from reconcile.bootstrap import open_database
from reconcile.domain.views.page import PageFacts
from reconcile.errors import RequestError
from reconcile.page.render import page
from reconcile.page.svg import library
from reconcile.services.views.page import page_facts
from reconcile.settings import Settings


async def facts(settings: Settings, *, span: timedelta) -> PageFacts:
    """Return the content of the page for the last *span*."""
    async with open_database(settings) as database:
        now = database.clock.now()
        found = await page_facts(
            database.store,
            now=now,
            span=span,
            due=settings.due_policy(),
            breaker=settings.breaker_policy(),
            planned=settings.planned_cadence(now),
        )
    return replace(found, runbook_url=settings.alert_runbook_url)


def html(found: PageFacts) -> str:
    """Return the page as one document."""
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
