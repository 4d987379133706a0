"""Which methods of the ports write, and a recorder that notes which methods are called."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from reconcile import ports
from reconcile.ports import Store


@dataclass(frozen=True, kw_only=True)
class Methods:
    """The methods of one port: *local* ones reach neither the customer's database nor anybody outside."""

    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
    local: frozenset[str] = frozenset()


def _methods(*, reads: str = "", writes: str = "", local: str = "") -> Methods:
    return Methods(reads=frozenset(reads.split()), writes=frozenset(writes.split()), local=frozenset(local.split()))


TABLE: Mapping[str, Methods] = {
    "AlertChannel": _methods(writes="deliver"),
    "Alerts": _methods(reads="load channels", writes="save save_channel"),
    "Backfills": _methods(
        reads="shares plan plans counts left runs moved workspaces selected planned leads items",
        writes="begin reset save record skip_gone",
    ),
    "Breakers": _methods(reads="load get", writes="save"),
    "Budgets": _methods(writes="reserve settle"),
    "Cadences": _methods(reads="override", writes="set clear"),
    "ChangeHolds": _methods(reads="load changed_since checked_since", writes="save approve"),
    "Clock": _methods(local="now monotonic sleep"),
    "DamagedRows": _methods(reads="counts"),
    "DayQuotas": _methods(reads="load short", writes="save"),
    "DatabaseClock": _methods(reads="now"),
    "EffectSink": _methods(writes="deliver"),
    "Entries": _methods(reads="__call__"),
    "HeartbeatMonitor": _methods(writes="send"),
    "Leads": _methods(
        reads="due_workspaces due_leads lead workspace quarantined mismatched mismatch_counts freshness at_risk_count "
        "at_risk ages unverified_count workspace_count control_leads holders",
        writes="write release",
    ),
    "Leases": _methods(reads="held", writes="acquire release"),
    "Ledger": _methods(
        reads="runs scheduled_runs run run_calls call_record batches changes signatures sightings prunable",
        writes="begin_run finish_run prune",
    ),
    "LogSource": _methods(reads="entries"),
    "AppliedAnnotations": _methods(reads="list_all", writes="remember forget"),
    "Outbox": _methods(
        reads="pending pending_count given_up given_up_count",
        writes="mark_delivered postpone hold_back give_up retry expire set_aside",
    ),
    "Provider": _methods(reads="answer check_lists sweep", local="lookup sweep_cost usage"),
    "Span": _methods(local="note fail link"),
    "StateMirror": _methods(reads="read forbidden", writes="patch announce"),
    "Telemetry": _methods(local="event warning span measure record_attempt send"),
    "TokenSource": _methods(reads="of"),
}
"""Every method of every port. A new method has to be entered here: is it safe in a dry run?"""

STORE_PORTS: Mapping[str, str] = {field.name: field.name.title().replace("_", "") for field in fields(Store)}
"""The fields of ``Store``, each with the name of its port."""


def methods_of_ports() -> Iterator[tuple[str, str]]:
    """Yield each port and each of its methods, as they stand in ``reconcile.ports``."""
    for found in pkgutil.iter_modules(ports.__path__, f"{ports.__name__}."):
        module = importlib.import_module(found.name)
        for port in vars(module).values():
            if inspect.isclass(port) and port.__module__ == found.name and getattr(port, "_is_protocol", False):
                for name, member in vars(port).items():
                    if inspect.isfunction(member) and (name == "__call__" or not name.startswith("_")):
                        yield port.__name__, name


class Recorder:
    """Wraps ports and notes each call as ``Port.method``."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    @property
    def writes(self) -> list[str]:
        """The calls that are no reads by the table."""
        return [call for call in self.calls if not self._is_harmless(*call.split("."))]

    def wrap(self, port_name: str, port: Any) -> Any:
        """Return *port* with each call of a method noted."""
        return _Recorded(port_name, port, self.calls)

    def wrap_store(self, store: Store) -> Store:
        """Return *store* with each of its ports wrapped."""
        return replace(store, **{name: self.wrap(port, getattr(store, name)) for name, port in STORE_PORTS.items()})

    @staticmethod
    def _is_harmless(port_name: str, method: str) -> bool:
        return method in TABLE[port_name].reads | TABLE[port_name].local


class _Recorded:
    def __init__(self, port_name: str, port: Any, calls: list[str]) -> None:
        self._port_name = port_name
        self._port = port
        self._calls = calls

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._port, name)
        if not callable(value):
            return value

        def call(*arguments: Any, **facts: Any) -> Any:
            self._calls.append(f"{self._port_name}.{name}")
            return value(*arguments, **facts)

        return call
