"""What every ``StateMirror`` promises."""

import pytest

from reconcile.errors import MirrorConflict
from reconcile.ports import Announcement, StateMirror

A, B = "appointment-reconciler.io/a", "example.org/b"


async def test_patched_annotations_are_read_back(any_mirror: StateMirror) -> None:
    first = await any_mirror.read()
    patched = await any_mirror.patch({A: "1", B: "2"}, version=first.version)

    assert first.annotations == {}
    assert patched == await any_mirror.read()
    assert patched.annotations == {A: "1", B: "2"}


async def test_unnamed_annotations_are_kept_and_none_removes_one(any_mirror: StateMirror) -> None:
    state = await any_mirror.patch({A: "1", B: "2"}, version=(await any_mirror.read()).version)
    state = await any_mirror.patch({A: None}, version=state.version)

    assert state.annotations == {B: "2"}


async def test_a_write_from_an_older_version_is_refused_and_changes_nothing(any_mirror: StateMirror) -> None:
    first = await any_mirror.read()
    await any_mirror.patch({A: "1"}, version=first.version)

    with pytest.raises(MirrorConflict):
        await any_mirror.patch({A: "2"}, version=first.version)
    assert (await any_mirror.read()).annotations == {A: "1"}


async def test_an_announcement_is_taken(any_mirror: StateMirror) -> None:
    await any_mirror.announce(Announcement(reason="Recovered", text="all is well"))


async def test_an_account_with_all_permissions_lacks_none(any_mirror: StateMirror) -> None:
    assert list(await any_mirror.forbidden()) == []
