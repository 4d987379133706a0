"""Bodies that are made to fill the memory, at full concurrency: a run under 256 MiB is not killed and hardly grows."""

from collections.abc import AsyncIterator

import pytest

from reconcile.simulator import Fault, FaultKind, WorldSize
from tests import postgres, samples
from tests.faults.cgroup import MEASURED, bounded
from tests.integration.processes import MIX, Company, Ended, one_company

pytestmark = pytest.mark.integration

LIMIT = 256
MOST_GROWTH = 32 * 1024
"""KiB."""
BODIES = {
    "a bomb of 50 MB": Fault(kind=FaultKind.GZIP_BOMB),
    "20 MB of padding": Fault(kind=FaultKind.OVERSIZE),
    "100,000 levels": Fault(kind=FaultKind.DEEP_JSON, value=100_000),
    "a page": Fault(kind=FaultKind.HTML, value=200),
    "half of a document": Fault(kind=FaultKind.CUT_JSON),
    "fields that nobody knows": Fault(kind=FaultKind.EXTRA_FIELDS),
    "an id that is a list": Fault(kind=FaultKind.SET_FIELD, value="id=[[[]]]"),
    "a status that is a number": Fault(kind=FaultKind.SET_FIELD, value="appointmentStatus=1e308"),
    "a name with a NUL": Fault(kind=FaultKind.SET_FIELD, value='title="\\u0000"'),
}


@pytest.fixture
async def company(postgres_server: postgres.Server, postgres_template: str) -> AsyncIterator[Company]:
    url = postgres_server.create_database(template=postgres_template)
    size = WorldSize(workspaces=2, leads_per_workspace=10, mix=MIX)
    async with one_company(url, size=size, workspace_concurrency="2", lead_concurrency="8") as company:
        yield company
    postgres_server.drop_database(url)


async def measured(company: Company) -> tuple[Ended, int]:
    """Make a run under the bound; return how it ended, and its peak of resident memory in KiB.

    Breakers only watch: otherwise a few bodies would be all that it sees.
    """
    await company.rest()
    with bounded(LIMIT) as prefix:
        # Where no control group can be made, the peak is measured all the same, and is to stay below the bound.
        process = await company.start(prefix=(*MEASURED, *(prefix or ())), circuit_breaker_mode="metrics_only")
        ended = await process.ended()
    return ended, int(ended.err.splitlines()[-1])


@samples.WHOLE
async def test_no_response_body_exhausts_the_memory(company: Company, is_thorough: bool) -> None:
    before, healthy = await measured(company)
    assert before.code == 0
    for body, fault in BODIES.items() if is_thorough else list(BODIES.items())[:3]:
        company.simulator.faults.add(fault)
        await company.database.execute("UPDATE reconcile_lead_state SET next_attempt_at = NULL, quarantined_at = NULL")
        ended, peak = await measured(company)
        company.simulator.faults.clear()

        assert ended.code == 0, (body, ended)
        assert ended.report["leadsChecked"] > 0, body
        assert peak < healthy + MOST_GROWTH, (body, peak, healthy)
        assert peak < LIMIT * 1024
        assert "Traceback" not in ended.err
