"""``reconcile doctor`` from outside."""

import pytest

from tests.cli.conftest import Shop

COLLECTOR = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
TOLD = {
    "nobody": ({}, []),
    "a collector": (COLLECTOR, [("fine", "traces and metrics are sent to a collector")]),
    "by gRPC": (
        {**COLLECTOR, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
        [("warning", "OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf: no other protocol is supported")],
    ),
    "traces alone": (
        {**COLLECTOR, "OTEL_METRICS_EXPORTER": "prometheus"},
        [("fine", "traces are sent to a collector"), ("warning", "OTEL_METRICS_EXPORTER must be otlp or none")],
    ),
    "limits": (
        {**COLLECTOR, "OTEL_BSP_MAX_QUEUE_SIZE": "5"},
        [("warning", "OTEL_* variables contradict each other")],
    ),
}


@pytest.mark.parametrize(("variables", "found"), TOLD.values(), ids=TOLD)
async def test_telemetry_settings_are_reported_as_a_run_uses_them(
    shop: Shop, variables: dict[str, str], found: list[tuple[str, str]]
) -> None:
    """It keeps no run from being made."""
    shop.env |= variables
    done = await shop.reconcile("doctor")
    run = await shop.reconcile("run")
    told = [each for each in done.json["findings"] if each["subject"] == "telemetry"]

    assert [(each["verdict"], each["text"]) for each in told] == found
    for verdict, text in found:
        assert (text in run.err) is (verdict == "warning")
    assert (done.code, run.code) == (0, 0)
