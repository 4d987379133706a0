"""A run with nothing due loads what such a run needs, and no more: it is what most ticks are."""

import subprocess
import sys

import pytest

from tests.cli.command import BASE
from tests.use_cases import conditions, explain_lead, overview

CODE = """
import sys
from reconcile_cli.main import cli
cli(["run"], standalone_mode=False)
print(*sorted(sys.modules))
"""
UNUSED = {
    "aiohttp", "alembic", "certifi", "httpx", "jinja2", "kubernetes", "mako", "opentelemetry", "rich", "yaml",
    "reconcile.alerts", "reconcile.domain.views.page", "reconcile.kube", "reconcile.page",
    "reconcile.providers.http.client", "reconcile.simulator", "reconcile.telemetry.otel",
    conditions.__module__, explain_lead.__module__, overview.__module__,
}  # fmt: skip

pytestmark = pytest.mark.integration


def test_a_run_with_nothing_due_loads_no_more_than_it_uses(migrated_url: str) -> None:
    environment = {**BASE, "RECONCILE_DATABASE_URL": migrated_url, "RECONCILE_OUTPUT": "json"}

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", CODE], env=environment, capture_output=True, check=True, text=True
    )
    loaded = done.stdout.splitlines()[-1].split()

    assert not UNUSED & set(loaded)
