"""A shard's due workspaces: its share, with its own limit and its own count."""

from reconcile.domain.coordination.shard import Shard
from reconcile.ports import Store
from reconcile.store.leads.seed import seed
from tests.stores import DEFAULT, NOW, POLICY, lead, workspace

IDS = [f"w{n:02}" for n in range(20)]
SHARDS = [Shard(index, 3) for index in range(3)]


async def test_the_shards_find_each_workspace_once_in_the_same_order(store: Store, migrated_url: str) -> None:
    await seed(
        migrated_url,
        mapping=DEFAULT,
        workspaces=[workspace(each) for each in IDS],
        leads=[lead(f"lead of {each}", workspace_id=each) for each in IDS],
    )
    shares = [await store.leads.due_workspaces(now=NOW, policy=POLICY, limit=100, shard=each) for each in SHARDS]
    few = await store.leads.due_workspaces(now=NOW, policy=POLICY, limit=2, shard=SHARDS[0])

    assert sorted(each.id for share in shares for each in share.workspaces) == IDS
    assert [share.eligible_count for share in shares] == [len(share.workspaces) for share in shares]
    assert all([w.id for w in share.workspaces] == sorted(w.id for w in share.workspaces) for share in shares)
    assert (few.workspaces, few.eligible_count) == (shares[0].workspaces[:2], shares[0].eligible_count)
