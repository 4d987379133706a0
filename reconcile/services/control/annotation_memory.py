"""The annotations that were applied, by state object: two releases on one database have separate rows."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from reconcile.domain.coordination.annotation import ACKNOWLEDGED, OrderText, read_orders
from reconcile.ports import AppliedAnnotation, AppliedAnnotations


@dataclass(frozen=True, slots=True)
class AnnotationMemory:
    """The stored annotations of *source*, an object as kubectl writes it; "" if there is only one object."""

    port: AppliedAnnotations
    source: str

    async def load(
        self, present: Collection[str]
    ) -> tuple[Mapping[str, AppliedAnnotation], Sequence[tuple[str, AppliedAnnotation]]]:
        """Return this object's stored rows by annotation key, and the rows of other objects, each with its object.

        An earlier version stored no object: its row goes to the object that has the annotation (*present*).
        """
        own: dict[str, AppliedAnnotation] = {}
        unowned: dict[str, AppliedAnnotation] = {}
        others: list[tuple[str, AppliedAnnotation]] = []
        for row in await self.port.list_all():
            source, key = split_key(row.key)
            named = replace(row, key=key)
            if source == self.source:
                own[key] = named
            elif source:
                others.append((source, named))
            else:
                unowned[key] = named
        for key in unowned.keys() & set(present) - own.keys():
            own[key] = unowned[key]
            await self.remember(unowned[key])
            await self.port.forget(key)
        return own, others

    async def remember(self, row: AppliedAnnotation) -> None:
        """Store *row*, whose key is the annotation's."""
        await self.port.remember(replace(row, key=self._key(row.key)))

    async def remember_acknowledgement(self, at: datetime) -> None:
        """Remember that the object has acknowledged commands: one without our annotations was replaced since."""
        await self.remember(AppliedAnnotation(key=ACKNOWLEDGED, value="", seen_at=at))

    async def forget(self, key: str) -> None:
        """Delete the row of a removed annotation."""
        await self.port.forget(self._key(key))

    def _key(self, key: str) -> str:
        return f"{self.source} {key}" if self.source else key


def split_key(key: str) -> tuple[str, str]:
    """Return the object of a stored annotation, or "", and its key."""
    source, _, name = key.rpartition(" ")
    return source, name


def order_of(row: AppliedAnnotation) -> OrderText | None:
    """Return the command of an applied annotation; None if it is invalid."""
    text = read_orders({row.key: row.value}).get(row.key)
    return text if isinstance(text, OrderText) else None
