"""Prints the results of verify."""

from collections.abc import Sequence

from rich.padding import Padding

from reconcile.domain.formatting import count_of
from reconcile.domain.verification.checklist import StepResult, overall
from reconcile.domain.verification.claim import Figures, RulingStatus
from reconcile_cli.terminal import QUIET, console, safe

_STYLES = {
    RulingStatus.PASS: ("✔", "green"),
    RulingStatus.FAIL: ("✘", "bold red"),
    RulingStatus.INCONCLUSIVE: ("?", "yellow"),
}


def show(results: Sequence[StepResult]) -> None:
    """Print each step with its verdict, reason and figures."""
    out = console()
    for each in results:
        mark, style = _STYLES[each.ruling.word]
        out.print(safe(f"{mark} {each.ruling.word}  {each.title}", style))
        out.print(Padding(safe(each.ruling.text), (0, 0, 0, 2)))
        if each.ruling.figures is not None:
            out.print(Padding(safe(_figures(each.ruling.figures), QUIET), (0, 0, 0, 2)))
    if len(results) > 1:
        word = overall(results)
        out.print(safe(f"verdict: {word}", _STYLES[word][1]))


def _figures(seen: Figures) -> str:
    first, last = ("?" if at is None else f"{at:%Y-%m-%d %H:%M}" for at in (seen.since, seen.until))
    before = f"; before: {seen.errors_before} in {seen.checks_before}" if seen.checks_before else ""
    return (
        f"{first} to {last} UTC: {count_of(seen.errors, 'error')} in {seen.checks_text}, "
        f"{seen.errors_per_minute:g} a minute{before}"
    )
