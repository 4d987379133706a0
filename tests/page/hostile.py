"""What somebody may have written into a database to see whether a page does it."""

from dataclasses import replace

from reconcile.domain.ids import LeadId, RunId, WorkspaceId
from reconcile.domain.run.verification_ages import Ages, WorkspaceAges
from reconcile.domain.views.page import Band, BreakerSummary, Failure, PageFacts, Repair, RiskyMeeting, SuggestedCommand

TEXTS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "</style><style>body{display:none}",
    "</svg><svg onload=alert(3)>",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(4)",
    "]]><!-- &lt;b&gt;",
)
NASTY = (*TEXTS, "\u202egnp.exe", "a" * 5000, "\x1b[31mred", "'+alert(5)+'")


def facts(of: PageFacts) -> PageFacts:
    """Return *of* with every foreign text replaced."""
    now, first = of.now, of.since
    workspaces = [WorkspaceId(text) for text in NASTY]
    worst = tuple(WorkspaceAges(workspace_id=each, counts=(1, 2, 3, 4, 5), at_risk=1) for each in workspaces)
    return replace(
        of,
        headline=TEXTS[0],
        notes=NASTY,
        steps=tuple(SuggestedCommand(text=text, command=text) for text in NASTY),
        bands=tuple(Band(breaker=f"workspace:{text}", state="open", start=first, end=now) for text in NASTY),
        band_rows=tuple(f"workspace:{text}" for text in NASTY),
        troubles=tuple(
            BreakerSummary(
                breaker=text, state="open", since=first, blame=text, next=text, next_at=now, commands=(text,)
            )
            for text in NASTY
        ),
        ages=Ages(worst=worst, others=(0,) * 5, workspace_count=len(worst)),
        at_risk=tuple(
            RiskyMeeting(workspace_id=each, lead_id=LeadId(each), starts_at=now, verified_at=None)
            for each in workspaces
        ),
        failures=tuple(
            Failure(
                signature=text,
                shape=(text,),
                version=text,
                count=1,
                workspaces=1,
                first_seen_at=first,
                last_seen_at=now,
            )
            for text in NASTY
        ),
        repairs=tuple(
            Repair(
                at=now,
                run_id=RunId(each),
                workspace_id=each,
                lead_id=LeadId(each),
                outcome="rescheduled",
                was=each,
                became=each,
            )
            for each in workspaces
        ),
    )
