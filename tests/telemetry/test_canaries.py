"""Canaries in every input of runs that are listened to: none is in a span, a measurement, a record or a log line."""

import gzip
from pathlib import Path

import pytest

from reconcile.simulator import Fault, FaultKind
from tests import samples
from tests.integration import canaries
from tests.integration.canaries import SECRET, found
from tests.integration.test_canary_secrets import SimulatedCompany
from tests.telemetry.test_sender import a_peer

TROUBLES = (
    FaultKind.MISSING_ID,
    FaultKind.HTML,
    FaultKind.UNAUTHORIZED,
    FaultKind.UNPROCESSABLE,
    FaultKind.NOT_FOUND,
    FaultKind.EXTRA_FIELDS,
    FaultKind.RATE_LIMITED,
    FaultKind.REDIRECT,
    FaultKind.STATUS_SPELLING,
)

pytestmark = pytest.mark.integration


@samples.WHOLE
def test_no_personal_data_and_no_secret_is_sent(
    sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    deliveries = canaries.talkative_simulator(monkeypatch)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", f"api-key={SECRET}")
    monkeypatch.setenv("OTEL_LOGS_EXPORTER", "otlp")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    folder = tmp_path / "office"
    folder.mkdir()
    with canaries.served(canaries.a_world()) as server, a_peer(200) as peer:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", peer.url)
        company = SimulatedCompany(server, folder, sqlite_template, caplog, deliveries)
        assert company("run", output="json").json["leadsChecked"] > 10
        for kind in TROUBLES:
            company.meets(Fault(kind=kind), mode="enforce")
    told = b"".join(gzip.decompress(each) for each in peer.bodies).decode("latin-1")

    assert not found(told)
    assert all(word in told for word in ("url.template", "reconcile.leads", "breaker.moved", "ws-1", "contract"))
    assert {each["api-key"] for each in peer.headers} == {SECRET}


def test_a_refusal_by_a_collector_is_logged_without_the_sent_data(
    sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", f"api-key={SECRET}")
    folder = tmp_path / "office"
    folder.mkdir()
    with canaries.served(canaries.a_world()) as server, a_peer(401) as peer:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"{peer.url}/{SECRET}")
        company = SimulatedCompany(server, folder, sqlite_template, caplog, [])
        done = company("run", output="json")

    assert done.json["success"]
    assert "the collector answered 401" in done.err
