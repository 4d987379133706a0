"""SIGTERM to a run whose collector does not answer: it ends in order, and in the time that Kubernetes gives."""

import signal
import socket

import pytest

from reconcile.simulator import Fault, FaultKind
from tests.integration.processes import one_company
from tests.integration.test_processes_sigterm import IN_TIME, is_ended_in_order

pytestmark = pytest.mark.integration


async def test_with_a_silent_collector_a_run_still_ends_in_order(migrated_postgres_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with one_company(migrated_postgres_url) as company:
            company.settings["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{silent.getsockname()[1]}"
            company.simulator.faults.add(Fault(kind=FaultKind.HOLD))
            process = await company.start()
            await company.held()
            process.send(signal.SIGTERM)
            ended = await process.ended(within=IN_TIME)

            await is_ended_in_order(company, ended)
    assert "telemetry.not_delivered" in ended.err
