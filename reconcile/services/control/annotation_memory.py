"""Which annotations of one state object were carried out: two releases on one database each remember their own."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from reconcile.ports import AppliedAnnotation, AppliedAnnotations


@dataclass(frozen=True, slots=True)
class AnnotationMemory:
    """The annotations of *source*, an object as kubectl names it; "" where there is one object alone."""

    port: AppliedAnnotations
    source: str

    async def load(
        self, present: Collection[str]
    ) -> tuple[Mapping[str, AppliedAnnotation], Sequence[tuple[str, AppliedAnnotation]]]:
        """Return what is remembered of this object by the annotation's key, and the rows of other objects with these.

        An earlier version remembered no object: its row goes to the object that has the annotation (*present*).
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
        """Remember *row*, whose key is the annotation's."""
        await self.port.remember(replace(row, key=self._key(row.key)))

    async def forget(self, key: str) -> None:
        """Forget an annotation that is no longer there."""
        await self.port.forget(self._key(key))

    def _key(self, key: str) -> str:
        return f"{self.source} {key}" if self.source else key


def split_key(key: str) -> tuple[str, str]:
    """Return of which object a remembered annotation is, or "", and its key."""
    source, _, name = key.rpartition(" ")
    return source, name
