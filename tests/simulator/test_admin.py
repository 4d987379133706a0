"""The endpoint that switches faults and tells counts."""

from typing import Any

import pytest

from reconcile.simulator import FaultKind, Simulator
from reconcile.simulator.admin import Admin
from reconcile.simulator.faults.kinds import KINDS
from reconcile.simulator.wire import Request
from tests.simulator.conftest import Caller

FAULTS = "/_simulator/faults"
REQUESTS = "/_simulator/requests"


async def test_a_fault_is_switched_on_read_back_and_off(ghl: Caller) -> None:
    fault = {
        "kind": "missing_id",
        "value": "null",
        "api": "ghl",
        "operation": "ghl.appointment",
        "workspace": "ws-1",
        "start": "2026-03-01T00:00:00+00:00",
        "end": "2026-03-02T00:00:00+00:00",
        "share": 0.5,
        "draw": "subject",
        "times": 3,
        "subject": "app-1",
    }

    added = await ghl.post(FAULTS, fault)
    listed = (await ghl.get(FAULTS)).json()
    removed = await ghl.delete(f"{FAULTS}/1")

    assert (added.status_code, added.json()) == (201, {"ids": [1]})
    assert listed == {"faults": [{"id": 1, "met": 0, **fault}]}
    assert removed.json() == {"faults": []}
    assert (await ghl.delete(f"{FAULTS}/1")).status_code == 404


async def test_several_are_added_at_once_and_all_are_cleared(ghl: Caller, simulator: Simulator) -> None:
    await ghl.post(FAULTS, [{"kind": "reset"}, {"kind": "latency", "value": 5}])

    assert len(simulator.faults) == 2

    await ghl.delete(FAULTS)
    assert len(simulator.faults) == 0


async def test_the_incident_has_a_name(ghl: Caller) -> None:
    await ghl.post(FAULTS, {"preset": "incident", "workspace": "ws-1"})

    assert "id" not in await ghl.record("/calendars/events/appointments/app-1")


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({}, "kind is missing: latency, "),
        ({"kind": "explode"}, "kind 'explode' is not known: latency, "),
        ({"kind": "reset", "colour": "red"}, "colour is not a key of a fault: kind, value, api, "),
        ({"kind": "reset", "operation": "G1"}, "operation 'G1' is not known: ghl.appointment, "),
        ({"kind": "reset", "api": "zoom"}, "api 'zoom' is not known: ghl, calendly"),
        ({"kind": "reset", "draw": "lots"}, "draw 'lots' is not known: request, subject"),
        ({"kind": "reset", "start": "soon"}, "start takes an instant in ISO 8601, not 'soon'"),
        ({"kind": "reset", "share": True}, "share takes a number from 0 to 1, not True"),
        ({"kind": "reset", "times": -1}, "times takes a whole number from 0, not -1"),
        ({"kind": "reset", "workspace": 7}, "workspace takes a text, not 7"),
        ({"kind": "envelope", "value": "box"}, "envelope takes one of "),
        ({"kind": "latency", "value": [1]}, "latency takes a number from 0, not [1]"),
        ({"preset": "flood"}, "preset 'flood' is not known: incident"),
        ({"preset": "incident", "kind": "reset"}, "kind is not a key of a fault: preset, workspace, "),
        ("reset", "a fault is an object with at least a kind"),
    ],
)
async def test_what_is_not_understood_is_refused_by_name(
    ghl: Caller, simulator: Simulator, document: Any, message: str
) -> None:
    response = await ghl.post(FAULTS, document)

    assert response.status_code == 400
    assert response.json()["error"].startswith(message)
    assert len(simulator.faults) == 0


async def test_a_body_that_is_not_json_is_refused(ghl: Caller) -> None:
    response = await ghl.http.post(ghl.url + FAULTS, content=b"{")

    assert response.status_code == 400


async def test_requests_are_counted_by_operation_workspace_and_answer(ghl: Caller, calendly: Caller) -> None:
    await ghl.get("/calendars/events/appointments/app-1")
    await ghl.get("/calendars/events/appointments/none")
    await calendly.get("/users/me")

    summary = (await calendly.get(REQUESTS)).json()

    assert summary["total"] == 3
    assert summary["byOperation"] == {"calendly.user": 1, "ghl.appointment": 2}
    assert summary["byWorkspace"] == {"ws-1": 3}
    assert summary["byAnswer"] == {"200": 2, "404": 1}
    assert summary["rows"][1] == {
        "operation": "ghl.appointment",
        "workspace": "ws-1",
        "answered": "200",
        "count": 1,
    }
    assert (await ghl.delete(REQUESTS)).json()["total"] == 0


async def test_every_kind_is_explained(ghl: Caller) -> None:
    kinds = (await ghl.get("/_simulator/kinds")).json()

    assert kinds.keys() == {kind.value for kind in FaultKind}
    assert kinds["envelope"]["choices"] == ["event", "appointment", "flat"]
    assert KINDS.keys() == set(FaultKind)


async def test_other_admin_paths_are_unknown(ghl: Caller) -> None:
    assert (await ghl.get("/_simulator/world")).status_code == 404


async def test_faults_do_not_meet_the_admin_endpoint(ghl: Caller, switch: Any) -> None:
    switch(FaultKind.RESET)

    assert (await ghl.get(FAULTS)).status_code == 200


def test_only_the_same_machine_may_switch(simulator: Simulator) -> None:
    admin = Admin(simulator.router, release=simulator.release)

    delivery = admin.respond(Request(method="DELETE", path=FAULTS, peer="192.0.2.1"))

    assert delivery.head.startswith(b"HTTP/1.1 403")
