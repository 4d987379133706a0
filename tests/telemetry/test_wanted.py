"""What the standard variables ask for, and that what they hold is never shown."""

from typing import Any

import pytest

from reconcile.telemetry.otel_settings import Signal, read_otel_settings

BASE = "OTEL_EXPORTER_OTLP"
ENDPOINT = {f"{BASE}_ENDPOINT": "http://collector:4318"}
SECRET = "kanarie"


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({}, {}),
        ({f"{BASE}_ENDPOINT": ""}, {}),
        ({**ENDPOINT, "OTEL_SDK_DISABLED": "True"}, {}),
        (ENDPOINT, {"traces": "http://collector:4318/v1/traces", "metrics": "http://collector:4318/v1/metrics"}),
        ({f"{BASE}_ENDPOINT": "https://c/otlp/"}, {s: f"https://c/otlp/v1/{s}" for s in ("traces", "metrics")}),
        ({**ENDPOINT, "OTEL_TRACES_EXPORTER": "none"}, {"metrics": "http://collector:4318/v1/metrics"}),
        ({f"{BASE}_TRACES_ENDPOINT": "http://t/at/this"}, {"traces": "http://t/at/this"}),
        ({f"{BASE}_LOGS_ENDPOINT": "http://l/v1/logs"}, {"logs": "http://l/v1/logs"}),
        (
            {**ENDPOINT, "OTEL_LOGS_EXPORTER": "otlp", "OTEL_METRICS_EXPORTER": "none"},
            {"traces": "http://collector:4318/v1/traces", "logs": "http://collector:4318/v1/logs"},
        ),
        ({"OTEL_METRICS_EXPORTER": "otlp"}, {"metrics": "http://localhost:4318/v1/metrics"}),
    ],
)
def test_a_signal_is_sent_to_the_configured_endpoint(env: dict[str, str], expected: dict[str, str]) -> None:
    found = read_otel_settings(env)

    assert {signal.value: target.url for signal, target in found.targets.items()} == expected
    assert found.faults == ()


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({f"{BASE}_HEADERS": "api-key=a%20b, x_y = z "}, {"headers": {"api-key": "a b", "x_y": "z"}}),
        ({f"{BASE}_HEADERS": "a=1", f"{BASE}_TRACES_HEADERS": "b=2"}, {"headers": {"b": "2"}}),
        ({f"{BASE}_COMPRESSION": "gzip"}, {"is_gzip": True}),
        ({f"{BASE}_CERTIFICATE": "/ca.pem"}, {"ca_file": "/ca.pem"}),
        (
            {f"{BASE}_CLIENT_CERTIFICATE": "/c.pem", f"{BASE}_CLIENT_KEY": "/k.pem"},
            {"certificate_file": "/c.pem", "key_file": "/k.pem"},
        ),
        ({f"{BASE}_PROTOCOL": "http/protobuf"}, {}),
    ],
)
def test_how_it_goes_there_is_read_for_each_signal(env: dict[str, str], expected: dict[str, Any]) -> None:
    found = read_otel_settings({**ENDPOINT, **env})
    target = found.targets[Signal.TRACES]

    assert {name: getattr(target, name) for name in expected} == expected
    assert found.faults == ()


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("OTEL_TRACES_EXPORTER", SECRET, "OTEL_TRACES_EXPORTER must be otlp or none"),
        (f"{BASE}_PROTOCOL", "grpc", f"{BASE}_PROTOCOL must be http/protobuf: no other protocol is supported"),
        (f"{BASE}_TRACES_COMPRESSION", "zstd", f"{BASE}_TRACES_COMPRESSION must be gzip or none"),
        (f"{BASE}_HEADERS", SECRET, f"{BASE}_HEADERS must be name=value pairs, separated by commas"),
        (f"{BASE}_HEADERS", f"a={SECRET}%0d%0ax: y", f"{BASE}_HEADERS contains a value that is not valid in a header"),
        (f"{BASE}_HEADERS", f"a b={SECRET}", f"{BASE}_HEADERS must be name=value pairs, separated by commas"),
        (
            f"{BASE}_ENDPOINT",
            f"http://user:{SECRET}@c",
            f"{BASE}_ENDPOINT contains a user: use OTEL_EXPORTER_OTLP_HEADERS with authorization instead",
        ),
        *(
            (f"{BASE}_TRACES_ENDPOINT", url, f"{BASE}_TRACES_ENDPOINT must be a URL such as http://collector:4318")
            for url in (SECRET, f"ftp://{SECRET}", f"http://[{SECRET}", f"http://a:{SECRET}", "http://", "http://a b")
        ),
    ],
)
def test_an_invalid_variable_disables_its_signal_with_a_warning(variable: str, value: str, sentence: str) -> None:
    found = read_otel_settings({**ENDPOINT, variable: value})

    assert found.faults == (sentence,)
    assert Signal.TRACES not in found.targets


def test_nothing_that_a_variable_holds_is_shown() -> None:
    found = read_otel_settings({f"{BASE}_ENDPOINT": f"http://c/{SECRET}", f"{BASE}_HEADERS": f"key={SECRET}"})

    assert set(found.targets) == {Signal.TRACES, Signal.METRICS}
    assert SECRET not in repr(found)
