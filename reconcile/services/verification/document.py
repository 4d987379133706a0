"""What verify found, as one JSON document and as a Markdown list with ticked boxes."""

from collections.abc import Sequence
from typing import Any

from reconcile.domain.coordination.annotation import instant
from reconcile.domain.formatting import visible
from reconcile.domain.verification.checklist import StepResult, overall
from reconcile.domain.verification.claim import Figures, RulingStatus, Sightings

_NOTES = {RulingStatus.PASS: "", RulingStatus.FAIL: "**failed:** ", RulingStatus.INCONCLUSIVE: "*inconclusive:* "}


def document(results: Sequence[StepResult]) -> dict[str, Any]:
    """Return the results in plain JSON types, described in docs/verify.md."""
    return {
        "verdict": overall(results).value,
        "steps": [
            {
                "title": each.title,
                "verdict": each.ruling.word.value,
                "reason": each.ruling.why.value,
                "text": each.ruling.text,
                "figures": _figures(each.ruling.figures),
            }
            for each in results
        ],
    }


def markdown(results: Sequence[StepResult]) -> str:
    """Return a list whose boxes are ticked where a step has passed."""
    lines = [f"**Verdict: {overall(results)}**", ""]
    for each in results:
        box = "x" if each.ruling.word is RulingStatus.PASS else " "
        lines += [f"- [{box}] {_plain(each.title)}", f"  - {_NOTES[each.ruling.word]}{_plain(each.ruling.text)}"]
    return "\n".join(lines) + "\n"


def _figures(seen: Figures | None) -> dict[str, Any] | None:
    if seen is None:
        return None
    return {
        "since": instant(seen.since),
        "until": instant(seen.until),
        "isWhole": seen.is_whole,
        "checks": seen.checks,
        "checksAre": f"{seen.checks_word}s",
        "errors": seen.errors,
        "errorsPerMinute": seen.errors_per_minute,
        "worstErrors": seen.worst_errors,
        "checksBefore": seen.checks_before,
        "errorsBefore": seen.errors_before,
        "signatures": [_sightings(each) for each in seen.sightings],
        "lines": seen.lines,
        "cutLines": seen.cut_lines,
        "undatedLines": seen.undated_lines,
        "undatedErrors": seen.undated_errors,
        "unknownLevels": seen.unknown_levels,
        "levelExample": seen.level_example,
    }


def _sightings(each: Sightings) -> dict[str, Any]:
    return {
        "text": each.text,
        "expected": each.expected.value,
        "count": each.count,
        "countBefore": each.count_before,
        "countUndated": each.count_undated,
        "firstSeenAt": instant(each.first_at),
        "lastSeenAt": instant(each.last_at),
        "versions": each.seen_in,
    }


def _plain(text: str) -> str:
    """Return *text* so that it is shown as it is: it may come from a file or a database."""
    return "".join(f"\\{c}" if c in r"\`*_[]<>#|~" else c for c in visible(text))
