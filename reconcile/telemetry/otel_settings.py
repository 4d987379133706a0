"""Parses the standard ``OTEL_*`` variables without importing OpenTelemetry."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import unquote, urlsplit

_LOCAL = "http://localhost:4318"
_PROTOCOL = "http/protobuf"


class Signal(StrEnum):
    """A signal; the value is its path at a collector."""

    TRACES = "traces"
    METRICS = "metrics"
    LOGS = "logs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The destination of a signal."""

    url: str = field(repr=False)
    """A secret, because its path may hold a key."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    is_gzip: bool = False
    ca_file: str | None = None
    certificate_file: str | None = None
    key_file: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OtelSettings:
    """The enabled signals; *faults* are sentences about invalid variables."""

    targets: Mapping[Signal, Target] = field(default_factory=dict)
    faults: tuple[str, ...] = ()


def read_otel_settings(env: Mapping[str, str]) -> OtelSettings:
    """Parse the variables. No fault contains a value, because headers and addresses are secrets."""
    if env.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return OtelSettings()
    targets: dict[Signal, Target] = {}
    faults: list[str] = []
    for signal in Signal:
        try:
            target = _target(env, signal)
        except _FaultError as fault:
            faults.append(str(fault))
        else:
            if target is not None:
                targets[signal] = target
    return OtelSettings(targets=targets, faults=tuple(dict.fromkeys(faults)))


class _FaultError(Exception):
    """An invalid variable."""


def _target(env: Mapping[str, str], signal: Signal) -> Target | None:
    """Return the destination of *signal*, None if it is disabled.

    Logs need their own variable, because stderr is collected already on most platforms.
    """
    exporter = env.get(f"OTEL_{signal.upper()}_EXPORTER", "").strip()
    if exporter not in {"", "otlp", "none"}:
        raise _FaultError(f"OTEL_{signal.upper()}_EXPORTER must be otlp or none")
    own = env.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT")
    common = None if signal is Signal.LOGS and exporter != "otlp" else env.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    if exporter == "none" or not (exporter or own or common):
        return None
    name, protocol = _variable(env, signal, "PROTOCOL")
    if protocol not in {None, _PROTOCOL}:
        raise _FaultError(f"{name} must be {_PROTOCOL}: no other protocol is supported")
    name, compression = _variable(env, signal, "COMPRESSION")
    if compression not in {None, "none", "gzip"}:
        raise _FaultError(f"{name} must be gzip or none")
    return Target(
        url=_checked(own, f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT")
        if own
        else f"{_checked(common or _LOCAL, 'OTEL_EXPORTER_OTLP_ENDPOINT').rstrip('/')}/v1/{signal}",
        headers=_headers(*_variable(env, signal, "HEADERS")),
        is_gzip=compression == "gzip",
        ca_file=_variable(env, signal, "CERTIFICATE")[1],
        certificate_file=_variable(env, signal, "CLIENT_CERTIFICATE")[1],
        key_file=_variable(env, signal, "CLIENT_KEY")[1],
    )


def _variable(env: Mapping[str, str], signal: Signal, what: str) -> tuple[str, str | None]:
    """Return the variable that applies to *signal*, and its value; empty counts as unset."""
    names = (f"OTEL_EXPORTER_OTLP_{signal.upper()}_{what}", f"OTEL_EXPORTER_OTLP_{what}")
    name = next((name for name in names if env.get(name, "").strip()), names[1])
    return name, env.get(name, "").strip() or None


def _checked(url: str, name: str) -> str:
    fault = f"{name} must be a URL such as http://collector:4318"
    try:
        parts = urlsplit(url.strip())
        is_usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_usable = False
    if not is_usable or not url.isascii() or any(letter <= " " for letter in url.strip()):
        raise _FaultError(fault)
    if "@" in parts.netloc:
        raise _FaultError(f"{name} contains a user: use OTEL_EXPORTER_OTLP_HEADERS with authorization instead")
    return url.strip()


def _headers(name: str, text: str | None) -> Mapping[str, str]:
    headers: dict[str, str] = {}
    for part in (text or "").split(","):
        if not part.strip():
            continue
        key, separator, value = part.partition("=")
        key, value = unquote(key.strip()).lower(), unquote(value.strip())
        if not separator or not key.isascii() or not key.replace("-", "").replace("_", "").isalnum():
            raise _FaultError(f"{name} must be name=value pairs, separated by commas")
        if not value.isascii() or not value.isprintable():
            raise _FaultError(f"{name} contains a value that is not valid in a header")
        headers[key] = value
    return headers
