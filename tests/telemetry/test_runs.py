"""Whole runs, as processes, and what of them arrives at a collector."""

import hashlib
import json
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from reconcile.simulator import Api, Fault, FaultKind, WorldSize
from tests import postgres, samples
from tests.integration.processes import Company, Ended, one_company
from tests.postgres import in_thread
from tests.telemetry.collector import Collector, Told, listening

CUMULATIVE, DELTA = {2, "AGGREGATION_TEMPORALITY_CUMULATIVE"}, {1, "AGGREGATION_TEMPORALITY_DELTA"}
ERROR = {2, "STATUS_CODE_ERROR"}
CLIENT = {3, "SPAN_KIND_CLIENT"}
SIZE = WorldSize(workspaces=4, leads_per_workspace=8, calendly_share=0.0)

pytestmark = pytest.mark.integration


@pytest.fixture
async def company(migrated_postgres_url: str, collector: Collector) -> AsyncIterator[Company]:
    """Give a company whose runs tell the collector of themselves."""
    async with one_company(migrated_postgres_url, size=SIZE) as company:
        company.settings["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.url
        yield company


@dataclass(frozen=True, slots=True, kw_only=True)
class Healthy:
    """An undisturbed run with plain settings, looked at by several tests: what it reported, and what arrived."""

    report: dict[str, Any]
    collector: Collector
    origins: set[str]


@pytest.fixture(scope="module")
def healthy(
    postgres_server: postgres.Server, postgres_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Healthy:
    url = postgres_server.create_database(template=postgres_template)

    async def make_a_run() -> Healthy:
        with listening(tmp_path_factory.mktemp("healthy")) as collector:
            async with one_company(url, size=SIZE) as company:
                company.settings["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.url
                report = (await company.run()).report
                origins = {company.simulator.ghl_url, company.simulator.calendly_url}
        return Healthy(report=report, collector=collector, origins=origins)

    found: Healthy = in_thread(make_a_run())
    postgres_server.drop_database(url)
    return found


def ids(run_id: str) -> tuple[str, str]:
    """Return the trace and the first span that a run's id stands for."""
    digest = hashlib.sha256(run_id.encode()).hexdigest()
    return digest[:32], digest[32:48]


def requests(collector: Collector) -> list[Told]:
    return [each for each in collector.spans() if each.content["kind"] in CLIENT]


def total(points: list[Told]) -> int:
    return sum(int(each.content["asInt"]) for each in points)


def logged(ended: Ended) -> list[dict[str, Any]]:
    return [json.loads(line) for line in ended.err.splitlines()]


def test_a_run_is_one_trace_of_batches_and_requests(healthy: Healthy) -> None:
    report, collector = healthy.report, healthy.collector
    (run,) = collector.spans("run")
    batches = collector.spans("batch")
    outcomes: Counter[str] = Counter()
    for each in batches:
        outcomes.update({k: v for k, v in each.attributes.items() if k.startswith("reconcile.outcome.")})

    assert (run.content["traceId"], run.content["spanId"]) == ids(report["runId"])
    assert run.attributes["reconcile.run_id"] == report["runId"]
    assert {each.content["parentSpanId"] for each in batches} == {run.content["spanId"]}
    assert len({each.attributes["reconcile.workspace_id"] for each in batches}) == report["workspacesProcessed"]
    assert {each.attributes["reconcile.breaker.state"] for each in batches} == {"closed"}
    assert sum(outcomes.values()) == report["leadsChecked"] + report["skipped"] + report["deferred"]
    assert outcomes["reconcile.outcome.booked"] == report["bookedFound"]
    assert {each.content["traceId"] for each in collector.spans()} == {run.content["traceId"]}
    assert {each.content["parentSpanId"] for each in requests(collector)} <= {b.content["spanId"] for b in batches}


@samples.WHOLE
async def test_nothing_is_lost_on_the_way_to_a_collector_that_is_well(company: Company, collector: Collector) -> None:
    reports = [(await company.run()).report for _ in range(2)]
    calls = sum(each["providerCalls"] for each in reports)

    assert calls > 30
    assert len(requests(collector)) == calls
    assert sum(int(each.content["count"]) for each in collector.points("http.client.request.duration")) == calls
    assert total(collector.points("reconcile.runs")) == 2


def test_a_request_span_follows_the_semantic_conventions(healthy: Healthy) -> None:
    collector = healthy.collector
    for each in requests(collector):
        told = each.attributes
        assert each.content["name"] == f"{told['http.request.method']} {told['url.template']}"
        assert f"http://{told['server.address']}:{told['server.port']}" in healthy.origins
        assert told["http.response.status_code"] == 200
        assert "error.type" not in told
        assert int(each.content["endTimeUnixNano"]) > int(each.content["startTimeUnixNano"])

    assert {each.attributes["url.template"] for each in requests(collector)} >= {
        "/calendars/events/appointments/{appointment_id}"
    }


async def test_a_failed_request_has_an_error_type(company: Company, collector: Collector) -> None:
    company.simulator.faults.add(Fault(kind=FaultKind.SERVER_ERROR, api=Api.GHL))
    await company.run()
    asked = [each for each in requests(collector) if each.attributes["reconcile.provider"] == "ghl"]

    assert {each.attributes["error.type"] for each in asked} == {"500"}
    assert {each.attributes["http.response.status_code"] for each in asked} == {500}
    assert all(each.content["status"]["code"] in ERROR for each in asked)
    assert "500" in {each.attributes.get("error.type") for each in collector.points("http.client.request.duration")}


async def test_the_incident_shows_the_failing_batches_and_a_probe_points_to_the_run_that_tripped(
    company: Company, collector: Collector
) -> None:
    """The provider answers 200 to everything, so the requests are sound and the batches are not."""
    company.simulator.faults.add(Fault(kind=FaultKind.MISSING_ID, api=Api.GHL))
    tripping = await company.run()
    await company.database.execute("UPDATE reconcile_breaker SET next_probe_at = now()")
    await company.rest()
    probing = await company.run()
    runs = {each.attributes["reconcile.run_id"]: each for each in collector.spans("run")}
    tripped, probed = runs[tripping.report["runId"]], runs[probing.report["runId"]]
    failed = [
        each
        for each in collector.spans("batch")
        if each.content["traceId"] == tripped.content["traceId"] and each.attributes.get("reconcile.outcome.failed")
    ]
    (link,) = probed.content["links"]

    assert tripping.report["circuitBroken"]
    assert len(failed) > 1
    assert {each.attributes["error.type"] for each in failed} == {"contract"}
    assert all("missing required ID field" in each.content["status"]["message"] for each in failed)
    assert "open" in {each.attributes["reconcile.breaker.state"] for each in failed}
    assert tripped.attributes["error.type"] == "circuit_broken"
    assert (link["traceId"], link["spanId"]) == ids(tripping.report["runId"])
    assert "links" not in tripped.content
    assert {
        int(each.content["asInt"])
        for each in collector.points("reconcile.breaker.state")
        if each.attributes["reconcile.breaker"].startswith("provider:ghl")
    } >= {2}
    assert {each.attributes["error.type"] for each in collector.points("reconcile.errors")} == {"contract"}


async def test_log_lines_and_log_records_bear_the_trace(company: Company, collector: Collector) -> None:
    company.settings["OTEL_LOGS_EXPORTER"] = "otlp"
    company.simulator.faults.add(Fault(kind=FaultKind.MISSING_ID, api=Api.GHL))
    ended = await company.run()
    lines = [each for each in logged(ended) if each["event"] == "breaker.moved"]
    records = [each for each in collector.records() if each.content["body"]["stringValue"] == "breaker.moved"]
    spans = {each.content["spanId"] for each in collector.spans()}

    assert len(lines) == len(records) >= 1
    assert {each["trace_id"] for each in lines} == {ids(ended.report["runId"])[0]}
    assert {each.content["traceId"] for each in records} == {ids(ended.report["runId"])[0]}
    assert {each["span_id"] for each in lines} == {each.content["spanId"] for each in records} <= spans
    assert {each.attributes["reconcile.state"] for each in records} == {each["state"] for each in lines}


async def test_temporality_is_cumulative_unless_it_is_set(
    company: Company, collector: Collector, healthy: Healthy
) -> None:
    company.settings["OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"] = "Delta"
    report = (await company.run()).report

    for found, of_run, expected in ((healthy.collector, healthy.report, CUMULATIVE), (collector, report, DELTA)):
        told_leads(found, of_run, temporality=expected)


def told_leads(collector: Collector, report: dict[str, Any], *, temporality: set[object]) -> None:
    """Assert that all leads are counted, and every counter and histogram is of this temporality."""
    leads = collector.points("reconcile.leads")
    durations = collector.points("http.client.request.duration")

    assert leads
    assert {each.content["temporality"] for each in (*leads, *durations)} <= temporality
    assert total(leads) == report["leadsChecked"] + report["skipped"] + report["deferred"]


async def test_the_standard_variables_are_followed(company: Company, collector: Collector) -> None:
    company.settings |= {
        "OTEL_SERVICE_NAME": "calendars",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test,service.version=7",
        "OTEL_TRACES_SAMPLER": "traceidratio",
        "OTEL_TRACES_SAMPLER_ARG": "0",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
    }
    await company.run()
    (point,) = collector.points("reconcile.runs")

    assert collector.spans() == []
    assert point.resource["service.name"] == "calendars"
    assert point.resource["service.version"] == "7"
    assert point.resource["deployment.environment.name"] == "test"
    assert len(collector.points("reconcile.leads")) > 0


async def test_a_run_links_to_the_trace_that_started_it(company: Company, collector: Collector) -> None:
    company.settings["TRACEPARENT"] = f"00-{'a' * 32}-{'b' * 16}-01"
    report = (await company.run()).report
    (run,) = collector.spans("run")
    (link,) = run.content["links"]

    assert (link["traceId"], link["spanId"]) == ("a" * 32, "b" * 16)
    assert run.content["traceId"] == ids(report["runId"])[0]


def test_gauges_have_the_reports_values(healthy: Healthy) -> None:
    report, collector = healthy.report, healthy.collector

    def gauge(name: str) -> dict[tuple[Any, ...], int]:
        points = collector.points(name)
        return {tuple(each.attributes.values()): int(each.content["asInt"]) for each in points}

    assert gauge("reconcile.leads.due") == {(): report["freshness"]["due"]}
    assert gauge("reconcile.leads.overdue") == {(): report["freshness"]["overdue"]}
    assert gauge("reconcile.appointments.at_risk") == {(): report["appointmentsAtRisk24h"]}
    assert gauge("reconcile.workspaces.parked") == {(): 0}
    assert gauge("reconcile.breaker.state") == {("run",): 0, ("provider:ghl",): 0, ("provider:calendly",): 0}
    assert 0 < gauge("reconcile.budget.left")[("ghl",)] < 75


async def test_a_dry_run_measures_no_more_than_itself(company: Company, collector: Collector) -> None:
    process = await company.start("run", "--dry-run")
    assert (await process.ended()).code == 0

    assert total(collector.points("reconcile.runs")) == 1
    assert collector.points("reconcile.leads") == []
    assert collector.points("reconcile.leads.due") == []
    assert len(collector.spans("batch")) > 0
