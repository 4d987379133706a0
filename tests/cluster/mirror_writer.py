"""A process that moves the run's breaker and shows it, many times, beside others that do the same."""

import asyncio
import json
import random
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from reconcile import bootstrap
from reconcile.domain.breaker.breaker import RUN_KEY, Breaker
from reconcile.domain.coordination.annotation import breaker_annotations
from reconcile.errors import MirrorUnavailable
from reconcile.kube.mirror import KubeMirror
from reconcile.kube.object_reference import ObjectReference
from reconcile.ports import Store
from reconcile.telemetry import LoggingTelemetry
from tests.use_cases import Mirror


async def move(store: Store) -> None:
    """Move the breaker by one generation."""
    while True:
        before = await store.breakers.get(RUN_KEY) or Breaker(key=RUN_KEY)
        after = replace(before, generation=before.generation + 1, since=datetime.now(UTC))
        if await store.breakers.save(after, expected_generation=before.generation):
            return


async def write(url: str, namespace: str, mount: str, count: int) -> dict[str, int]:
    """Move and show it *count* times, and tell how that went."""
    clock = bootstrap.SystemClock()
    target = ObjectReference.parse("configmap/rec-state", namespace=namespace, account_dir=Path(mount))
    mirror = Mirror(port=KubeMirror(target), clock=clock, random=random.Random(), telemetry=LoggingTelemetry())
    given_up = 0
    async with bootstrap.open_database_url(url) as store:

        async def truth(_: Mapping[str, str]) -> Mapping[str, str | None]:
            return {**breaker_annotations(await store.breakers.load(), now=clock.now())}

        for turn in range(count + 1):
            if turn < count:
                await move(store)
            try:
                await mirror.write(truth)
            except MirrorUnavailable:
                given_up += 1
    return {"writes": mirror.counts.writes, "conflicts": mirror.counts.conflicts, "givenUp": given_up}


if __name__ == "__main__":
    url, namespace, mount, count = sys.argv[1:]
    sys.stdout.write(json.dumps(asyncio.run(write(url, namespace, mount, int(count)))))
