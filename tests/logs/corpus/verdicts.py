"""What ``verify`` rules on the corpus; ``python -m tests.logs.corpus.verdicts`` writes the table in README.md.

Of each library's 40 lines the odd ones are errors. They are judged as they are and in each wrapper that collectors add,
each line 10 s after the one before; then once more without their errors.
"""

import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from reconcile.domain.verification.claim import Claim, Expected, Figures, Rate, Ruling, RulingStatus, judge
from reconcile.domain.verification.log_figures import LogTally
from reconcile.logs import entries
from tests.logs.wrappers import WRAPPERS, Wrapper

HERE = Path(__file__).parent
PAGE = HERE / "README.md"
BEGIN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NEWEST = datetime(2027, 1, 1, tzinfo=UTC)
STEP = timedelta(seconds=10)
ERRORS = 20
LOGS: Mapping[str, Path] = {path.stem: path for path in sorted(HERE.glob("*.log"))}
_LINE_OF_LEAD = re.compile(r"lead[ -](\d+)[ -]was")
SEVERAL_LINES = {"java-util": 2, "journald-export": 12}
"""Lines of one record, which no collector of lines keeps together."""
WITHOUT_LEVELS = frozenset({"journald-short-iso"})
"""Logs that do not say which lines are errors: nothing that is claimed of them may pass."""


def records(name: str) -> list[str]:
    """Return the 40 records of a log."""
    lines = LOGS[name].read_text().splitlines()
    size = SEVERAL_LINES.get(name, 1)
    return ["\n".join(lines[start : start + size]) for start in range(0, len(lines), size)]


def judged(
    lines: Sequence[str], *, rate: str | None = None, signature: str = "", since: datetime | None = None
) -> Ruling:
    """Rule on a claim about these lines: on a rate, or that a text is gone."""
    claim = Claim(
        since=None,
        signatures=[(signature, Expected.GONE)] if signature else [],
        max_error_rate=Rate.parse(rate) if rate else None,
    )
    tally = LogTally(claim=claim)
    text = "\n".join(lines) + "\n"
    for entry in entries(io.BytesIO(text.encode()), name="corpus", newest=NEWEST):
        tally.add(entry)
    return judge(claim, tally.figures())


def wrapped(lines: Sequence[str], wrap: Wrapper) -> list[str]:
    """Return what a collector makes of *lines*."""
    physical = [(BEGIN + STEP * number, each) for number, text in enumerate(lines) for each in text.split("\n")]
    return [wrap(each, at) for at, each in physical]


@dataclass(frozen=True)
class Row:
    """One library's verdicts."""

    name: str
    errors: Mapping[str, int]
    """Errors found, alone and in each wrapper."""
    passes: Sequence[str]
    """Verdicts that passed although errors were there."""
    mistakes: Sequence[str]
    """Verdicts on the lines without errors that hold an error, or cannot tell."""
    alone: Ruling

    @property
    def is_right(self) -> bool:
        expected = 0 if self.name in WITHOUT_LEVELS else ERRORS
        return set(self.errors.values()) == {expected} and not self.passes and not self.mistakes


def row(name: str) -> Row:
    """Judge one library's log in all ways."""
    every = records(name)
    fine = [each for each in every if int(_lead(each)) % 2 == 0]
    ways: dict[str, tuple[list[str], list[str]]] = {"alone": (every, fine)}
    if name != "journald-export":
        ways |= {way: (wrapped(every, wrap), wrapped(fine, wrap)) for way, wrap in WRAPPERS.items()}
    errors, passes, mistakes = {}, [], []
    for way, (lines, without) in ways.items():
        ruling, gone = judged(lines, rate="2/min"), judged(lines, signature=signature(every))
        errors[way] = figures(ruling).errors
        passes += [f"{way}: {each.why}" for each in (ruling, gone) if each.word is RulingStatus.PASS]
        clean = judged(without, rate="0/s")
        is_telling = way != "alone"  # alone, all lines were written within a second
        if name in WITHOUT_LEVELS:
            mistakes += [
                f"{way}: {each.text}" for each in (ruling, clean) if each.word is not RulingStatus.INCONCLUSIVE
            ]
        elif (
            figures(clean).errors
            or figures(clean).unknown_levels
            or (is_telling and clean.word is not RulingStatus.PASS)
        ):
            mistakes.append(f"{way}: {clean.text}")
    return Row(name=name, errors=errors, passes=passes, mistakes=mistakes, alone=judged(every, rate="2/min"))


def signature(every: Sequence[str]) -> str:
    """Return a text that only the 38th line holds, which is an error's."""
    found = re.search(r"lead[ -]37[ -]was", "\n".join(every))
    assert found
    return found[0]


def figures(ruling: Ruling) -> Figures:
    assert ruling.figures is not None
    return ruling.figures


def table() -> str:
    """Return the verdicts as Markdown."""
    rows = [
        "| library | errors found alone | in wrappers | at most 2/min, alone | false passes | right |",
        "| --- " * 6 + "|",
    ]
    for each in map(row, LOGS):
        inner = [count for way, count in each.errors.items() if way != "alone"]
        found = f"{min(inner)} of {ERRORS} in each of {len(inner)}" if inner else "–"
        verdict = f"{each.alone.word} (`{each.alone.why}`)"
        right = "yes" if each.is_right else "no"
        rows.append(
            f"| {each.name} | {each.errors['alone']} of {ERRORS} | {found} | {verdict} | {len(each.passes)} | {right} |"
        )
    return "\n".join(rows) + "\n"


def page() -> str:
    """Return README.md with its table as it should be."""
    between = re.compile(r"(<!-- verdicts -->\n).*?(<!-- /verdicts -->)", re.DOTALL)
    return between.sub(lambda found: found[1] + table() + found[2], PAGE.read_text())


def _lead(text: str) -> str:
    found = _LINE_OF_LEAD.search(text) or re.search(r"lead (\d+)", json.dumps(text))
    assert found, text
    return found[1]


if __name__ == "__main__":
    PAGE.write_text(page())
