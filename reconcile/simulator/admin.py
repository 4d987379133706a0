"""The HTTP endpoint that switches faults and returns counts, for clients on the same machine only."""

from collections.abc import Callable
from ipaddress import ip_address

import orjson

from reconcile.simulator.faults.fault import FaultRefused
from reconcile.simulator.faults.fault_json import read_faults, write_fault
from reconcile.simulator.faults.kinds import KINDS
from reconcile.simulator.faults.response_faults import deliver
from reconcile.simulator.query import segments
from reconcile.simulator.router import Router
from reconcile.simulator.wire import Delivery, Json, Request, SimulatedResponse

PREFIX = "/_simulator/"


class Admin:
    """Answers requests below ``/_simulator/``; *release* sends the responses that ``hold`` keeps back."""

    def __init__(self, router: Router, *, release: Callable[[], int]) -> None:
        self._front = router
        self._release = release

    def respond(self, request: Request) -> Delivery:
        """Return the bytes of the response to an admin request; it is never delayed, counted or affected by faults."""
        delivery = deliver(self._answer(request), {}, latency=0.0)
        delivery.is_counted = False
        return delivery

    def _answer(self, request: Request) -> SimulatedResponse:  # noqa: PLR0911 - one return for each route
        if not ip_address(request.peer).is_loopback:
            return _refusal(403, "the simulator's faults can be changed from its own machine only")
        match request.method, segments(request.path)[1:]:
            case "GET", ["faults"]:
                return SimulatedResponse(status=200, payload=self._faults())
            case "POST", ["faults"]:
                return self._add(request.body)
            case "DELETE", ["faults"]:
                self._front.faults.clear()
                return SimulatedResponse(status=200, payload=self._faults())
            case "DELETE", ["faults", number]:
                return self._remove(number)
            case "GET", ["requests"]:
                return SimulatedResponse(status=200, payload=self._front.log.summary())
            case "DELETE", ["requests"]:
                self._front.log.reset()
                return SimulatedResponse(status=200, payload=self._front.log.summary())
            case "GET", ["kinds"]:
                return SimulatedResponse(status=200, payload=_kinds())
            case "POST", ["release"]:
                return SimulatedResponse(status=200, payload={"released": self._release()})
        return _refusal(404, "known paths are faults, requests, kinds and release")

    def _faults(self) -> Json:
        book = self._front.faults
        return {
            "faults": [{"id": number, "met": book.met(number), **write_fault(each)} for number, each in book.items()]
        }

    def _add(self, body: bytes) -> SimulatedResponse:
        try:
            numbers = self._front.faults.add(*read_faults(orjson.loads(body)))
        except (FaultRefused, orjson.JSONDecodeError) as exc:
            return _refusal(400, str(exc))
        return SimulatedResponse(status=201, payload={"ids": list(numbers)})

    def _remove(self, number: str) -> SimulatedResponse:
        try:
            self._front.faults.remove(int(number))
        except (KeyError, ValueError):
            return _refusal(404, f"there is no fault with the id {number}")
        return SimulatedResponse(status=200, payload=self._faults())


def _kinds() -> Json:
    return {
        kind.value: {"about": rule.about, "value": rule.form, "choices": rule.choices, "default": rule.default}
        for kind, rule in KINDS.items()
    }


def _refusal(status: int, message: str) -> SimulatedResponse:
    return SimulatedResponse(status=status, payload={"error": message})
