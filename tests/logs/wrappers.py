"""What collectors wrap around a line of a program, each as one line or one record of JSON."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

Wrapper = Callable[[str, datetime], str]


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f000Z")


def _millis(at: datetime) -> int:
    return int(at.timestamp() * 1000)


WRAPPERS: Mapping[str, Wrapper] = {
    "Docker": lambda line, at: json.dumps({"log": f"{line}\n", "stream": "stderr", "time": _iso(at)}),
    "CRI": lambda line, at: f"{_iso(at)} stdout F {line}",
    "kubectl --timestamps": lambda line, at: f"{_iso(at)} {line}",
    "kubectl --timestamps --prefix": lambda line, at: f"[pod/app-1/main] {_iso(at)} {line}",
    "Loki": lambda line, at: json.dumps({"labels": {"app": "x"}, "line": line, "timestamp": _iso(at)}),
    "CloudWatch": lambda line, at: json.dumps({"timestamp": _millis(at), "message": line, "ingestionTime": 7}),
    "Google Cloud": lambda line, at: json.dumps(
        {
            "logName": "projects/p/logs/stdout",
            "severity": "INFO",
            **({"jsonPayload": json.loads(line)} if line.startswith("{") else {"textPayload": line}),
            "timestamp": _iso(at),
            "receiveTimestamp": _iso(at),
        }
    ),
    "journald": lambda line, at: json.dumps(
        {"__REALTIME_TIMESTAMP": str(_millis(at) * 1000), "PRIORITY": "6", "_TRANSPORT": "stdout", "MESSAGE": line}
    ),
    "docker compose": lambda line, at: f"web-1  | {_iso(at)} {line}",
}
