"""Which of the due workspaces a run visits: those that it can do something for."""

from collections import Counter
from collections.abc import Mapping, Sequence

from reconcile.domain.ids import ProviderName
from reconcile.domain.workspace import Workspace


def select_workspaces(
    workspaces: Sequence[Workspace], *, limit: int, probes_only: Mapping[ProviderName, int]
) -> tuple[Workspace, ...]:
    """Return the first *limit* workspaces, without those that would only wait for a provider that is broken.

    *probes_only* holds the providers that are asked nothing but so many probes; these get at most half of the places.
    A workspace that is refused is not visited, so it stays first in line: were it given a place, a provider's outage
    would keep out the customers of the other one.
    """
    chosen: list[Workspace] = []
    probed: Counter[ProviderName] = Counter()
    for workspace in workspaces:
        if len(chosen) == limit:
            break
        if workspace.credentials and set(workspace.credentials) <= set(probes_only):
            asked = next((p for p in sorted(workspace.credentials) if probed[p] < probes_only[p]), None)
            if asked is None or probed.total() >= max(1, limit // 2):
                continue
            probed[asked] += 1
        chosen.append(workspace)
    return tuple(chosen)
