"""Checks the rights on the state object: a run continues without them, so only the doctor reports them."""

from collections.abc import Sequence

from reconcile.domain.views.finding import Finding, FindingStatus
from reconcile.errors import MirrorUnavailable
from reconcile.ports import StateMirror

SUBJECT = "kubernetes"
_GRANT = "grant it to the service account as the chart's Role does, or install with rbac.create"


async def rights(mirror: StateMirror) -> Sequence[Finding]:
    """Return findings about the object and the rights to it; nothing is changed."""
    try:
        forbidden = await mirror.forbidden()
        if forbidden:
            return [_warning(f"this account may not {each}", remedy=_GRANT) for each in forbidden]
        await mirror.read()
    except MirrorUnavailable as error:
        text, _, remedy = str(error).partition(": ")
        return [_warning(text, remedy=remedy or "runs continue, and their state is only in the database")]
    return [
        Finding(
            subject=SUBJECT, verdict=FindingStatus.FINE, text="the state object exists, and may be read and patched"
        )
    ]


def _warning(text: str, *, remedy: str) -> Finding:
    return Finding(subject=SUBJECT, verdict=FindingStatus.WARNING, text=text, remedy=remedy)
