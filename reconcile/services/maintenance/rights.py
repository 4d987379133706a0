"""Whether this process may do with its state object what a run does: a run goes on without, so nobody else says so."""

from collections.abc import Sequence

from reconcile.domain.finding import Finding, FindingStatus
from reconcile.errors import MirrorUnavailable
from reconcile.ports import StateMirror

SUBJECT = "kubernetes"
_GRANT = "grant it to the service account as the chart's Role does, or install with rbac.create"


async def rights(mirror: StateMirror) -> Sequence[Finding]:
    """Return what is found of the object and of the rights to it; nothing is changed."""
    try:
        forbidden = await mirror.forbidden()
        if forbidden:
            return [_warning(f"this account may not {each}", remedy=_GRANT) for each in forbidden]
        await mirror.read()
    except MirrorUnavailable as error:
        text, _, remedy = str(error).partition(": ")
        return [_warning(text, remedy=remedy or "runs go on, and their state is in the database alone")]
    return [
        Finding(
            subject=SUBJECT, verdict=FindingStatus.FINE, text="the state object is there, and may be read and patched"
        )
    ]


def _warning(text: str, *, remedy: str) -> Finding:
    return Finding(subject=SUBJECT, verdict=FindingStatus.WARNING, text=text, remedy=remedy)
