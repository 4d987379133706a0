"""Renders the page as one self-contained document."""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

import reconcile
from reconcile.domain.formatting import ago, keys, span, visible
from reconcile.domain.run.verification_ages import AGE_WORDS
from reconcile.domain.views.page import OverallStatus, PageFacts
from reconcile.page import charts
from reconcile.page.axes import FORMATS
from reconcile.page.svg import render_svg

_WORDS: Mapping[OverallStatus, str] = {
    OverallStatus.WELL: "All is well",
    OverallStatus.ATTENTION: "Needs attention",
    OverallStatus.TROUBLE: "Trouble",
}
_LOADER = PackageLoader("reconcile.page")
_MILLION = 1_000_000
_LONGEST = 200
"""Longer foreign text is cut, so that a huge id does not make a huge page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """Additional content of a served page: the selectable periods, and the selected one."""

    spans: Sequence[str]
    chosen: str


def page(facts: PageFacts, *, live: Live | None = None) -> str:
    """Return the page as one document; a *live* one refreshes itself."""
    moments = facts.moments
    return _render(
        "page.html",
        live,
        now=facts.now,
        facts=facts,
        charts=_draw_charts(facts),
        words=_WORDS,
        age_words=AGE_WORDS,
        step=moments[0].end - moments[0].start if moments else facts.now - facts.since,
        highest_rate=max((each.worst for each in moments), default=0.0),
        top_rate=charts.top_rate(facts),
        version=reconcile.__version__,
    )


def away(faults: Sequence[str], *, now: datetime, live: Live) -> str:
    """Return the page for when no data is available; it refreshes itself too."""
    return _render("away.html", live, now=now, faults=faults)


def policy(*, is_live: bool) -> str:
    """Return the Content-Security-Policy of the page: its own style and script, and nothing else."""
    parts = ["default-src 'none'", f"style-src {_hash('page.css')}", "img-src data:"]
    parts += ["base-uri 'none'", "form-action 'none'"]
    if is_live:
        parts += [f"script-src {_hash('live.js')}", "connect-src 'self'"]
    return "; ".join(parts)


def _render(template: str, live: Live | None, **facts: object) -> str:
    return (
        _environment()
        .get_template(template)
        .render(
            css=Markup(_source("page.css")),  # noqa: S704 - our own
            script=Markup(_source("live.js")) if live else None,  # noqa: S704 - our own
            policy=policy(is_live=live is not None),
            spans=live.spans if live else (),
            chosen=live.chosen if live else None,
            **facts,
        )
    )


def _draw_charts(facts: PageFacts) -> Mapping[str, list[tuple[str, Markup]]]:
    wanted = {
        "rates": charts.rates if facts.runs else None,
        "checks": charts.checks if facts.runs else None,
        "breakers": charts.breakers if facts.bands else None,
        "ages": charts.ages if facts.ages.workspace_count else None,
        "at_risk": charts.at_risk if any(each.at_risk for each in facts.moments) else None,
    }
    return {
        name: [(form.name, render_svg(spec(facts, form))) for form in FORMATS] if spec else []
        for name, spec in wanted.items()
    }


@cache
def _environment() -> Environment:
    # Cached for the life of the process: the text must match the hash in the policy.
    environment = Environment(
        loader=_LOADER, auto_reload=False, autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    filters: Mapping[str, Any] = {
        "anchor": _anchor,
        "shown": _clip,
        "keys": keys,
        "big": _big,
        "plain": lambda word: _clip(word.replace("_", " ")),
        "span": span,
        "ago": lambda at, now: ago(at, now, units=1),
        "share": _share,
        "at_minute": lambda at: f"{at:%d %b %Y %H:%M}",
    }
    environment.filters.update(filters)
    return environment


@cache
def _source(name: str) -> str:
    return _LOADER.get_source(_environment(), name)[0]


def _clip(text: str) -> str:
    seen = visible(text[: _LONGEST + 1])
    return seen if len(seen) <= _LONGEST else f"{seen[:_LONGEST]}…"


def _anchor(heading: str) -> str:
    """Return the fragment that GitHub and GitLab give *heading*."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _share(part: int, whole: int) -> str:
    """Return a percentage; a small one is never rounded to zero."""
    if not whole:
        return "–"
    rate = part / whole
    return f"{rate:.0%}" if rate in {0, 1} else f"{rate:.1%}" if rate >= 0.001 else "< 0.1%"  # noqa: PLR2004


def _big(count: int) -> str:
    """Return a count in at most seven characters."""
    return f"{count:,}" if count < _MILLION else f"{count / _MILLION:,.1f} M"


def _hash(name: str) -> str:
    digest = hashlib.sha256(_source(name).encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
