"""What the doctor says of the state object, and what to do."""

import pytest

from reconcile.domain.views.finding import FindingStatus
from reconcile.errors import MirrorUnavailable
from tests.services.memory_ports import MemoryMirror
from tests.use_cases import rights

AWAY = MirrorUnavailable("the Kubernetes API did not answer in time")
GONE = MirrorUnavailable(
    "the Kubernetes API answered 404 for configmap/s: the object does not exist; the chart creates it"
)


class Missing(MemoryMirror):
    """An object that is not there, with all rights to it."""

    async def read(self) -> None:  # type: ignore[override]
        raise GONE


async def test_an_object_with_all_permissions_has_no_warning_and_is_not_changed() -> None:
    mirror = MemoryMirror()
    (finding,) = await rights(mirror)

    assert finding.verdict is FindingStatus.FINE
    assert mirror.version == 1


async def test_each_missing_permission_is_a_warning_with_the_remedy() -> None:
    found = await rights(MemoryMirror(refused=["patch configmap/s in namespace n", "create events"]))

    assert [each.text for each in found] == [
        "this account may not patch configmap/s in namespace n",
        "this account may not create events",
    ]
    assert {each.verdict for each in found} == {FindingStatus.WARNING}
    assert all("rbac.create" in (each.remedy or "") for each in found)


@pytest.mark.parametrize(
    ("mirror", "text", "remedy"),
    [
        (MemoryMirror(trouble=[AWAY]), "did not answer in time", "only in the database"),
        (Missing(), "answered 404 for configmap/s", "the object does not exist; the chart creates it"),
    ],
)
async def test_a_missing_api_or_object_stops_no_run(mirror: MemoryMirror, text: str, remedy: str) -> None:
    (finding,) = await rights(mirror)

    assert finding.verdict is FindingStatus.WARNING
    assert text in finding.text
    assert remedy in (finding.remedy or "")
