"""Where a run meets its surroundings in Kubernetes: operators' annotations at its start, its own at its end."""

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
    """Carry out what operators ask for by annotation; return what the report is to say of it and of the settings."""
    notes = list(policy.disagreements)
    for note in notes:
        deps.telemetry.warning("settings.disagree", text=note)
    annotations = await deps.mirror.annotations() if deps.mirror else None
    if annotations is None or deps.mirror is None:
        return notes
    try:
        obeyed = await apply_commands(
            annotations, store=deps.store, now=deps.clock.now(), policy=policy.breaker, source=deps.mirror.source
        )
    except StoreUnavailable as error:
        deps.telemetry.warning("orders.not_heeded", error=str(error))
        return [*notes, "operators' annotations could not be carried out: the database refused for now"]
    deps.mirror.acknowledge(obeyed.updates)
    for news in obeyed.news:
        name = "order.not_understood" if news.is_warning else "order.obeyed"
        deps.telemetry.event(name, reason=news.reason, text=news.text)
        deps.mirror.announce(news, deps.store.breakers)
    return [*notes, *obeyed.faults]


async def mirror_run(report: RunReport, deps: Dependencies) -> RunReport:
    """Show the run's end on the state object; return the report, with a word on it where that did not work."""
    mirror = deps.mirror
    if mirror is None:
        return report
    # A look at one chosen workspace is no receipt of the schedule's.
    receipt = report if report.workspace is None else None
    trouble = await _publish(mirror, deps, receipt)
    if trouble is None:
        return report
    return replace(report, health_reasons=(*report.health_reasons, f"state object not in step: {trouble}"))


async def mirror_state(deps: Dependencies) -> None:
    """Show what has changed where there is no run to report of."""
    if deps.mirror is not None:
        await _publish(deps.mirror, deps, None)


async def _publish(mirror: Mirror, deps: Dependencies, receipt: RunReport | None) -> str | None:
    """Write the state to the object; remember that commands were acknowledged there, so that its loss is noticed."""
    trouble = await mirror.publish_run(deps.store.breakers, receipt)
    if mirror.has_acknowledged:
        with suppress(StoreUnavailable):
            memory = AnnotationMemory(deps.store.applied_annotations, mirror.source)
            await memory.remember_acknowledgement(deps.clock.now())
    return trouble
