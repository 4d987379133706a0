"""Both providers, created on first use, so that a run with nothing due imports no HTTP library (0.25 s)."""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING

from reconcile.domain.ids import ProviderName
from reconcile.ports import Clock, HttpAttempt, Provider

if TYPE_CHECKING:
    from reconcile.providers.http.client import AiohttpTransport


class LazyProviders(Mapping[ProviderName, Provider]):
    """A mapping of providers, each created on first use."""

    def __init__(
        self,
        *,
        urls: Mapping[ProviderName, str],
        timeout: timedelta,
        clock: Clock,
        random: Random,
        observe: Callable[[HttpAttempt], None],
    ) -> None:
        self._urls = urls
        self._timeout = timeout
        self._clock = clock
        self._random = random
        self._observe = observe
        self._made: dict[ProviderName, Provider] = {}
        self._transport: AiohttpTransport | None = None

    def __getitem__(self, name: ProviderName) -> Provider:
        if name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def __iter__(self) -> Iterator[ProviderName]:
        return iter(self._urls)

    def __len__(self) -> int:
        return len(self._urls)

    def _make(self, name: ProviderName) -> Provider:
        from reconcile.providers.calendly.lookup import Calendly  # noqa: PLC0415
        from reconcile.providers.ghl.lookup import Ghl  # noqa: PLC0415
        from reconcile.providers.http.client import AiohttpTransport, BaseUrl, Gateway  # noqa: PLC0415
        from reconcile.providers.http.retry import RetryPolicy  # noqa: PLC0415

        if self._transport is None:
            self._transport = AiohttpTransport()
        gateway = Gateway(
            provider=name,
            base=BaseUrl.parse(self._urls[name], where=f"RECONCILE_{name.upper()}_BASE_URL"),
            transport=self._transport,
            clock=self._clock,
            policy=RetryPolicy(attempt_timeout=self._timeout),
            random=self._random.random,
            on_attempt=self._observe,
        )
        return Ghl(gateway) if name is ProviderName.HIGHLEVEL else Calendly(gateway)

    async def aclose(self) -> None:
        """Close the connections, if any were opened."""
        if self._transport is not None:
            await self._transport.aclose()
