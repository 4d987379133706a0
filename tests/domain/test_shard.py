"""Shards are a partition of the workspaces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.domain.coordination.shard import MAX_SHARDS, Shard
from reconcile.domain.ids import WorkspaceId

STABLE = [2, 1, 1, 2, 1, 3]
IDS = st.text().map(WorkspaceId)


@given(IDS, st.integers(1, MAX_SHARDS))
def test_every_workspace_is_in_exactly_one_shard(workspace_id: WorkspaceId, total: int) -> None:
    assert sum(Shard(index, total).holds(workspace_id) for index in range(total)) == 1


def test_shards_are_even_and_stable() -> None:
    ids = [WorkspaceId(f"ws-{n}") for n in range(4000)]
    sizes = [sum(Shard(index, 4).holds(each) for each in ids) for index in range(4)]

    assert sum(sizes) == 4000
    assert all(900 < size < 1100 for size in sizes)
    # Two versions at work on one backfill must agree.
    assert [next(i for i in range(4) if Shard(i, 4).holds(WorkspaceId(f"ws-{n}"))) for n in range(6)] == STABLE


@given(st.integers(1, MAX_SHARDS).flatmap(lambda total: st.tuples(st.integers(0, total - 1), st.just(total))))
def test_a_shard_is_read_as_it_is_written(parts: tuple[int, int]) -> None:
    assert Shard.parse(str(Shard(*parts))) == Shard(*parts)


@pytest.mark.parametrize("text", ["", "4", "4/4", "-1/4", "0/0", "0/1001", "1/2/3", "a/b", "0 / 4", "\u0660/\u0664"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be INDEX/TOTAL"):
        Shard.parse(text)
