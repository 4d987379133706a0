"""The state object in a run: applies operators' annotations at its start, writes the run's own at its end."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from reconcile.domain.run.report import RunReport
from reconcile.errors import StoreUnavailable
from reconcile.services.control.annotation_commands import apply_commands
from reconcile.services.control.annotation_memory import AnnotationMemory
from reconcile.services.control.mirror import Mirror
from reconcile.services.run.context import Dependencies, RunPolicy


async def apply_annotations(deps: Dependencies, policy: RunPolicy) -> Sequence[str]:
    """Apply the commands in operators' annotations; return notes for the report, on these and on the settings."""
    notes = list(policy.disagreements)
    for note in notes:
        deps.telemetry.warning("settings.disagree", text=note)
    annotations = await deps.mirror.annotations() if deps.mirror else None
    if annotations is None or deps.mirror is None:
        return notes
    try:
        applied = await apply_commands(
            annotations, store=deps.store, now=deps.clock.now(), policy=policy.breaker, source=deps.mirror.source
        )
    except StoreUnavailable as error:
        deps.telemetry.warning("orders.not_heeded", error=str(error))
        return [*notes, "operators' annotations could not be carried out: the database refused for now"]
    deps.mirror.acknowledge(applied.updates)
    for news in applied.news:
        name = "order.not_understood" if news.is_warning else "order.obeyed"
        deps.telemetry.event(name, reason=news.reason, text=news.text)
        deps.mirror.announce(news, deps.store.breakers)
    return [*notes, *applied.faults]


async def mirror_run(report: RunReport, deps: Dependencies) -> RunReport:
    """Write the end of the run to the state object; return the report, with a reason added if the write failed."""
    mirror = deps.mirror
    if mirror is None:
        return report
    # A run over one workspace is not the schedule's last run.
    receipt = report if report.workspace is None else None
    failure = await _publish(mirror, deps, receipt)
    if failure is None:
        return report
    return replace(report, health_reasons=(*report.health_reasons, f"state object not in step: {failure}"))


async def mirror_state(deps: Dependencies) -> None:
    """Write changed breakers to the state object when there is no run to report."""
    if deps.mirror is not None:
        await _publish(deps.mirror, deps, None)


async def _publish(mirror: Mirror, deps: Dependencies, receipt: RunReport | None) -> str | None:
    """Write the state to the object; remember that commands were acknowledged there, so that its loss is noticed."""
    failure = await mirror.publish_run(deps.store.breakers, receipt)
    if mirror.has_acknowledged:
        with suppress(StoreUnavailable):
            memory = AnnotationMemory(deps.store.applied_annotations, mirror.source)
            await memory.remember_acknowledgement(deps.clock.now())
    return failure
