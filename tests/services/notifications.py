"""A channel of alerts that remembers, and what tests ask of a harness that has one."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from reconcile.domain.alert import AlertPolicy, Message, News
from reconcile.ports import AlertChannel
from tests.services.run_harness import RunHarness
from tests.use_cases import Notifier, notify

GHL_TRIPPED = "provider_breaker:ghl"


@dataclass
class FakeChannel:
    """Takes messages; *trouble* is raised by each delivery while there is any, *on_delivery* called after one."""

    name: str = "slack"
    takes_many: bool = True
    messages: list[Message] = field(default_factory=list)
    trouble: BaseException | None = None
    on_delivery: Callable[[], Any] = lambda: None
    hangs: bool = False

    async def deliver(self, message: Message, *, deadline: float) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        if self.trouble is not None:
            raise self.trouble
        self.messages.append(message)
        self.on_delivery()

    @property
    def told(self) -> list[tuple[News, str]]:
        return [(each.news, each.alert.key) for message in self.messages for each in message.notices]


def an_alarm(*channels: AlertChannel, **policy: Any) -> Notifier:
    return Notifier(channels=channels, source="here", runbook="docs/runbook.md", policy=AlertPolicy(**policy))


async def seven(**_: Any) -> int:
    return 7


async def heal(harness: RunHarness) -> None:
    harness.ghl.always = None
    for _ in range(4):
        await harness.run()


async def look(harness: RunHarness, notifier: Notifier | None, name: str) -> None:
    await notify(notifier, holder=name, store=harness.store, clock=harness.clock, telemetry=harness.ear)
