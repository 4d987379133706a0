"""The naming rule of reconcile/ and cmd/: ``python -m tests.naming`` lists what breaks it and ends with 1.

A class name stands once, so that a reader who searches for it finds one thing. No module, class or function is named by
a metaphor where the field has a standard term. A function that acts is an imperative verb: a participle (``told``)
leaves open whether calling it does something.
"""

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = ("reconcile", "cmd")

INSTEAD = {
    "acquit": "close_misattributed",
    "alarm": "notifier",
    "allowance": "rate_reservation",
    "asking": "batch_lookup",
    "attend": "state_object",
    "author": "generator",
    "bands": "timeline",
    "beside": "side_table",
    "board": "registry",
    "book": "registry",
    "bugs": "redaction",
    "choice": "select_...",
    "chronicle": "timeline",
    "courier": "flusher",
    "desk": "context",
    "door": "auth",
    "dry": "dry_run",
    "finish": "end, close or publish, with what is ended",
    "fit": "mapping_check",
    "front": "router",
    "gate": "limiter",
    "hand": "manual override",
    "heed": "apply_annotations",
    "jury": "attribution",
    "lend": "release_early",
    "loading": "lazy_imports",
    "lonely": "isolated",
    "meter": "rate_limiter",
    "moments": "time_buckets",
    "mounted": "secret_files",
    "obey": "apply_command",
    "observe": "record",
    "orders": "annotation_commands",
    "owed": "pending",
    "parts": "dependencies",
    "place": "what it is: a slot, a booking, a reference",
    "places": "what they are: slots, bookings, references",
    "reading": "read_connection",
    "rehearsal": "channel_test",
    "scene": "snapshot",
    "served": "select_...",
    "shelf": "cache",
    "signals": "metrics",
    "slots": "bulkhead",
    "spelling": "formatting",
    "standing": "status",
    "story": "history",
    "suspicion": "suspect_outcome",
    "take_leave": "mirror_state",
    "tally": "window or progress",
    "tell": "notify",
    "ticks": "scheduled_runs",
    "told_by": "resource",
    "translate": "db_errors",
    "verdict": "decision, status or report",
    "vouched": "implied_successes",
    "wanted": "settings or request",
    "way": "pipeline or path",
    "words": "vocabulary",
}
"""Private words, each with the term that a reader of this field expects."""

PARTICIPLE = re.compile(
    r"_?(?:[a-z]+_)*(?:asked|begun|counted|decided|done|drawn|encoded|fed|found_out|given|heard|judged|kept|known|looked_up"
    r"|made|merged|mirrored|opened|read_out|reported|said|seen|sent|served|shown|signed|spoken|started|taken|told|tried"
    r"|trusted|worked_out|written)"
)
ALLOWED_PARTICIPLES: Mapping[str, str] = {
    "connection_made": "asyncio.Protocol calls it by this name",
}
"""Function names that end in a participle and stay, each with its reason. Questions (``is_known``) are allowed."""


def faults(root: Path = ROOT) -> Iterator[str]:
    """Yield a sentence for each name under *root* that breaks the rule."""
    classes: dict[str, list[str]] = defaultdict(list)
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*.py")):
            if "migrations" in path.parts:
                continue
            place = path.relative_to(root).as_posix()
            yield from _word_faults(place, path.stem, "module")
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                match node:
                    case ast.ClassDef(name=name, lineno=line):
                        classes[name.lstrip("_")].append(f"{place}:{line}")
                        yield from _word_faults(place, name, "class")
                    case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                        yield from _word_faults(place, name, "function")
                        yield from _participle_faults(place, name)
    for name, places in sorted(classes.items()):
        if len(places) > 1:
            yield f"the class name {name} stands more than once: {', '.join(places)}"


def _word_faults(place: str, name: str, kind: str) -> Iterator[str]:
    word = name.strip("_").lower()
    if word in INSTEAD:
        yield f"{place}: the {kind} {name} is named by a private word; say {INSTEAD[word]}"


def _participle_faults(place: str, name: str) -> Iterator[str]:
    is_question = name.strip("_").startswith(("is_", "has_", "was_"))
    if PARTICIPLE.fullmatch(name) and not is_question and name not in ALLOWED_PARTICIPLES:
        yield f"{place}: the function {name} is a participle; name it by a verb, or by what it returns"


def main() -> int:
    """Print every fault; return 1 if there is one."""
    found = list(faults())
    for each in found:
        print(each)  # noqa: T201 - a command's output
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
