"""The adapter against an API server that misbehaves in every way: one error of ours, in time, with nothing secret."""

import asyncio
import json
from collections.abc import Callable

import pytest

from reconcile.errors import MirrorConflict, MirrorUnavailable
from reconcile.kube.mirror import KubeMirror
from reconcile.kube.object_reference import ObjectReference
from reconcile.ports import Announcement
from tests.kube.apiserver import EVENTS, PATH, TOKEN, ApiServer, Misbehaviour, dripping, hang_up, slow, status
from tests.timeouts import HUNG

STATUSES = [300, 301, 302, 400, 401, 403, 404, 410, 418, 422, 429, 500, 502, 503, 504]
BODIES = [b"", b"<html>", b"[]", b"null", b"{}", b'{"metadata":{}}', b'{"metadata":[]}', b"\xff\xfe", b"[" * 100_000]


async def refused(call: Callable[[], object]) -> str:
    with pytest.raises(MirrorUnavailable) as raised:
        async with asyncio.timeout(HUNG):
            await call()  # type: ignore[misc]
    return str(raised.value)


@pytest.mark.parametrize("code", STATUSES)
async def test_every_refusal_is_one_error_that_names_the_status(
    mirror: KubeMirror, server: ApiServer, code: int
) -> None:
    server.always = status(code)
    sentences = [
        await refused(mirror.read),
        await refused(lambda: mirror.patch({"a": "1"}, version="1")),
        await refused(lambda: mirror.announce(Announcement(reason="R", text="t"))),
        await refused(mirror.forbidden),
    ]

    assert all(str(code) in sentence or "cannot be reached" in sentence for sentence in sentences)
    assert not any(TOKEN in sentence or "127.0.0.1" in sentence for sentence in sentences)
    assert len(server.requests) == 4


@pytest.mark.parametrize("body", BODIES)
async def test_an_answer_that_is_no_object_is_unavailable(mirror: KubeMirror, server: ApiServer, body: bytes) -> None:
    server.always = status(200, body)

    assert "answered with" in await refused(mirror.read)
    assert "answered with" in await refused(mirror.forbidden)


async def test_rights_that_are_lacking_are_named(mirror: KubeMirror, server: ApiServer) -> None:
    server.forbidden = {"patch", "create"}

    assert await mirror.forbidden() == [
        "patch configmap/rec-state in namespace shop",
        "create events.k8s.io events in namespace shop",
    ]
    assert server.asked == [
        {"verb": "get", "namespace": "shop", "group": "", "resource": "configmaps", "name": "rec-state"},
        {"verb": "patch", "namespace": "shop", "group": "", "resource": "configmaps", "name": "rec-state"},
        {"verb": "create", "namespace": "shop", "group": "events.k8s.io", "resource": "events"},
    ]


async def test_a_conflict_has_its_own_error(mirror: KubeMirror, server: ApiServer) -> None:
    server.misbehave = [status(409)]

    with pytest.raises(MirrorConflict):
        await mirror.patch({"a": "1"}, version="1")


async def test_an_answer_beyond_all_bounds_is_not_read(mirror: KubeMirror, server: ApiServer) -> None:
    server.always = status(200, json.dumps({"metadata": {"annotations": {"a": "x" * 2_000_000}}}).encode())

    assert "more than 1 MiB" in await refused(mirror.read)


@pytest.mark.parametrize("late", [slow(2 * HUNG), dripping(20)], ids=["slow", "dripping"])
async def test_a_late_answer_is_not_waited_for(mirror: KubeMirror, server: ApiServer, late: Misbehaviour) -> None:
    server.misbehave = [late]
    hasty = KubeMirror(mirror._api._target, seconds=0.5)

    assert "Kubernetes API" in await refused(hasty.read)


async def test_a_connection_that_is_cut_is_unavailable(mirror: KubeMirror, server: ApiServer) -> None:
    server.always = hang_up

    assert "cannot be reached" in await refused(mirror.read)


async def test_a_refused_connection_is_unavailable(
    mirror: KubeMirror, server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", "/gone/kubeconfig")
    target = ObjectReference.parse("cronjob/rec", namespace=None, account_dir=mirror._api._target.account_dir)

    assert "cannot be reached (ConfigException)" in await refused(KubeMirror(target).read)
    assert target.namespace == "default"


async def test_the_requests_are_those_that_the_role_allows(mirror: KubeMirror, server: ApiServer) -> None:
    state = await mirror.read()
    await mirror.patch({"appointment-reconciler.io/breaker": "x"}, version=state.version)
    await mirror.announce(Announcement(reason="ContractFault", text="breaker run is open", is_warning=True))

    assert [(method, path) for method, path, _ in server.requests] == [
        ("GET", PATH),
        ("PATCH", f"{PATH}?fieldManager=appointment-reconciler"),
        ("POST", f"{EVENTS}?fieldManager=appointment-reconciler"),
    ]
    headers = [{name.lower(): text for name, text in each.items()} for _, _, each in server.requests]
    assert {each["authorization"] for each in headers} == {f"Bearer {TOKEN}"}
    assert headers[1]["content-type"] == "application/merge-patch+json"
    assert all("PartialObjectMetadata" in each["accept"] for each in headers[:2])
    assert server.patches == [
        {"metadata": {"resourceVersion": "1", "annotations": {"appointment-reconciler.io/breaker": "x"}}}
    ]
    (event,) = server.events
    assert (event["type"], event["reason"], event["note"]) == ("Warning", "ContractFault", "breaker run is open")
    assert event["regarding"] == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": "rec-state",
        "namespace": "shop",
        "uid": "u-1",
    }


async def test_no_connection_is_made_before_the_first_call(mirror: KubeMirror) -> None:
    assert mirror._api._client is None
    assert mirror._worker._thread is None


async def test_a_late_response_has_no_effect(mirror: KubeMirror, server: ApiServer) -> None:
    server.misbehave = [slow(0.3)]
    task = asyncio.create_task(mirror.read())
    await asyncio.sleep(0.1)
    task.cancel()
    state = await mirror.read()

    assert state.version == "1"
