"""What a port was asked: each call with its arguments, passed on to the port itself."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

from reconcile.ports import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One call of a port's method."""

    method: str
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]


@dataclass
class Recorded:
    """A port that passes every call on and remembers it."""

    port: Any
    calls: list[Asked] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.port, name)
        return self._remembering(name, found) if callable(found) else found

    def of(self, method: str) -> list[Asked]:
        """Return the calls of one method, in their order."""
        return [each for each in self.calls if each.method == method]

    def keywords(self, method: str) -> dict[str, Any]:
        """Return the keywords of the first call of a method."""
        assert self.of(method), f"{method} was not called"
        return self.of(method)[0].keywords

    def _remembering(self, name: str, found: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **keywords: Any) -> Any:
            self.calls.append(Asked(method=name, arguments=arguments, keywords=keywords))
            return found(*arguments, **keywords)

        return call


def recorded(store: Store) -> tuple[Store, dict[str, Recorded]]:
    """Return *store* with each of its ports recorded, and the recordings by the port's name."""
    ports = {each.name: Recorded(getattr(store, each.name)) for each in fields(store)}
    return Store(**ports), ports
