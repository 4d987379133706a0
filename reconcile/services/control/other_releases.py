"""Commands on the state objects of other releases on the same database: neither applied nor overridden."""

from collections.abc import Sequence
from datetime import datetime

from reconcile.domain.coordination.annotation import PREFIX, OrderWord
from reconcile.domain.run.cadence import CadenceSource
from reconcile.ports import AppliedAnnotation, Store
from reconcile.services.control.annotation_memory import order_of, split_key

_CADENCE = f"{PREFIX}{OrderWord.CADENCE}"


def contrary_order(
    row: AppliedAnnotation, others: Sequence[tuple[str, AppliedAnnotation]], now: datetime
) -> str | None:
    """Return why an annotation cannot be applied: one on another object, still in force, contradicts it; else None.

    *others* are the annotations of other objects, each with its object. Two commands contradict each other if their
    subject is the same (a breaker, or the cadence) and their texts differ.
    """
    wanted = order_of(row)
    for source, other in others:
        if other.fault is not None or other.until is None or other.until <= now:
            continue
        found = order_of(other)
        if wanted is None or found is None or (row.key, row.value) == (other.key, other.value):
            continue
        if wanted.subject == found.subject:
            until = f"{other.until:%Y-%m-%dT%H:%M:%SZ}"
            return f"{source} asks for something else until {until}; remove that annotation, then set this one anew"
    return None


async def foreign_cadence(store: Store, source: str, *, now: datetime) -> str | None:
    """Return a sentence on a lower cadence that only other objects' annotations set, so that it is not for *source*.

    A cadence that was set by `reconcile cadence` applies to every release.
    """
    override = await store.cadences.override() if source else None
    if override is None or override.source is not CadenceSource.ANNOTATION or not override.is_in_force(now):
        return None
    rows = [row for row in await store.applied_annotations.list_all() if row.fault is None]
    sources = {owner for owner, key in (split_key(row.key) for row in rows) if key == _CADENCE}
    if not sources or not sources.isdisjoint({source, ""}):
        return None
    return f"a lower cadence that {min(sources)} asks for is not followed: it is another release's"
