"""Parses a verify checklist from YAML: a closed schema; all faults are reported at once with their lines."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import yaml

from reconcile.domain.ids import WorkspaceId
from reconcile.domain.run.cadence import read_duration
from reconcile.domain.verification.checklist import ChecklistStep, ClaimStep, FigureSource, RunStep, VerifiedStep
from reconcile.domain.verification.claim import MIN_CHECKS, Claim, Expected, Rate
from reconcile.errors import InputUnreadable, QuestionError
from reconcile.secret_files import small_text

MOST_BYTES = 256 * 1024
MOST_STEPS = 100
Value = TypeVar("Value")

_EXPECTED = {"gone": Expected.GONE, "present": Expected.PRESENT, "may_appear": Expected.MAY_APPEAR}
_CLAIM = (*_EXPECTED, "since", "max_error_rate", "min_checks", "wait", "every")
_KINDS: Mapping[str, tuple[str, ...]] = {
    "ledger": _CLAIM,
    "logs": (*_CLAIM, "file"),
    "cronjob": (*_CLAIM, "name"),
    "run": ("dry_run", "workspaces", "leads_per_workspace", "workspace"),
    "verified": ("since",),
}


def read_instant(text: str, *, now: datetime) -> datetime:
    """Parse a time with its zone, or an age; raise ValueError with a clause that begins with "must"."""
    hint = "must be a time with its zone, like 2026-03-01T12:00:00Z, or an age like 90m"
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None:
        try:
            return now - read_duration(text)
        except (ValueError, OverflowError):
            raise ValueError(hint) from None
    if at.tzinfo is None:
        raise ValueError(hint)
    try:
        return _not_ahead(at.astimezone(UTC), now)
    except OverflowError:
        raise ValueError(hint) from None


def _not_ahead(at: datetime, now: datetime) -> datetime:
    if at > now:
        raise ValueError("must not be in the future")
    return at


def read_checklist(path: Path, *, now: datetime, since: datetime | None) -> tuple[ChecklistStep, ...]:
    """Return the steps of the file at *path*; *since* is the default of claims, before the file's own.

    Raises InputUnreadable if the file does not exist, QuestionError with all its faults.
    """
    try:
        text = small_text(path, limit=MOST_BYTES)
    except ValueError as error:
        raise InputUnreadable(f"the checklist {path} {error}") from None
    return _ChecklistReader(name=str(path), now=now, since=since).steps(text)


@dataclass(slots=True, kw_only=True)
class _ChecklistReader:
    name: str
    now: datetime
    since: datetime | None
    faults: list[str] = field(default_factory=list)

    def steps(self, text: str) -> tuple[ChecklistStep, ...]:
        try:
            root = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 1
            raise QuestionError(f"{self.name}, line {line}: is not YAML: {error.problem}") from None
        except (yaml.YAMLError, RecursionError, ValueError, OverflowError):  # the last two: numbers out of range
            raise QuestionError(f"{self.name} is not YAML") from None
        if root is None:
            raise QuestionError(f"{self.name} is empty; docs/verify.md shows a checklist")
        top = self._mapping(root, ("since", "steps"), "a checklist")
        own = self._since(top)
        self.since = self.since or own
        listed = top.get("steps")
        nodes = listed.value if isinstance(listed, yaml.SequenceNode) else []
        if not 0 < len(nodes) <= MOST_STEPS:
            self._fault(listed or root, f"steps must be a list of 1 to {MOST_STEPS} steps")
        steps = [self._step(node) for node in nodes[:MOST_STEPS]]
        if self.faults:
            raise QuestionError("; ".join(self.faults))
        return tuple(step for step in steps if step is not None)

    def _step(self, node: yaml.Node) -> ChecklistStep | None:
        given = self._mapping(node, ("title", *_KINDS), "a step")
        title = self._read(given.get("title"), "title", _text) if "title" in given else None
        if title is None:
            self._fault(node, "a step needs a title")
        kinds = [kind for kind in _KINDS if kind in given]
        if len(kinds) != 1:
            self._fault(node, f"a step needs one of {', '.join(_KINDS)}")
            return None
        (kind,) = kinds
        what = self._what(kind, given[kind])
        return None if what is None or title is None else ChecklistStep(title=title, what=what)

    def _what(self, kind: str, node: yaml.Node) -> ClaimStep | RunStep | VerifiedStep | None:
        given = self._mapping(node, _KINDS[kind], kind)
        if kind == "run":
            return self._run(given)
        since = self._since(given) or self.since
        if since is None and kind != "logs":
            self._fault(node, f"{kind} needs a since, here, at the top, or as --since")
            return None
        if kind == "verified" and since is not None:
            return VerifiedStep(since=since)
        return self._claim(FigureSource(kind), node, given, since)

    def _claim(
        self, source: FigureSource, node: yaml.Node, given: Mapping[str, yaml.Node], since: datetime | None
    ) -> ClaimStep | None:
        texts = [
            (text, expected) for word, expected in _EXPECTED.items() for text in self._texts(given.get(word), word)
        ]
        rate = self._read(given.get("max_error_rate"), "max_error_rate", Rate.parse)
        if not texts and "max_error_rate" not in given and "min_checks" not in given:
            self._fault(node, f"{source} needs something to show: {', '.join(_EXPECTED)}, max_error_rate or min_checks")
        key = {"logs": "file", "cronjob": "name"}.get(source)
        if key and key not in given:
            self._fault(node, f"{source} needs a {key}")
        if source is FigureSource.LOGS and "wait" in given:
            self._fault(given["wait"], "an exported log does not grow: remove wait")
        wait = self._read(given.get("wait"), "wait", _span)
        every = self._read(given.get("every"), "every", _span)
        min_checks = self._read(given.get("min_checks"), "min_checks", _whole)
        return ClaimStep(
            claim=Claim(since=since, signatures=tuple(texts), max_error_rate=rate, min_checks=min_checks or MIN_CHECKS),
            source=source,
            name=(self._read(given.get(key), key, _text) if key else None) or "",
            wait=wait or timedelta(0),
            every=every or timedelta(minutes=1),
        )

    def _run(self, given: Mapping[str, yaml.Node]) -> RunStep:
        workspace = self._read(given.get("workspace"), "workspace", _text)
        return RunStep(
            workspaces=self._read(given.get("workspaces"), "workspaces", _whole) or 1,
            leads_per_workspace=self._read(given.get("leads_per_workspace"), "leads_per_workspace", _whole) or 10,
            workspace=WorkspaceId(workspace) if workspace else None,
            dry_run=self._read(given.get("dry_run"), "dry_run", _truth) or False,
        )

    def _since(self, given: Mapping[str, yaml.Node]) -> datetime | None:
        return self._read(given.get("since"), "since", lambda text: read_instant(text, now=self.now))

    def _texts(self, node: yaml.Node | None, word: str) -> list[str]:
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [] if node is None else [node]
        found = [self._read(each, word, _text) for each in nodes]
        return [text for text in found if text is not None]

    def _mapping(self, node: yaml.Node, known: tuple[str, ...], what: str) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            self._fault(node, f"{what} must be a mapping of {', '.join(known)}")
            return {}
        found: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else ""
            if name not in known:
                self._fault(key, f"{what} knows no {_quote(name)}; there are {', '.join(known)}")
            elif name in found:
                self._fault(key, f"{what} has {name} twice")
            else:
                found[name] = value
        return found

    def _read(self, node: yaml.Node | None, name: str, read: Callable[[str], Value]) -> Value | None:
        if node is None:
            return None
        if not isinstance(node, yaml.ScalarNode):
            self._fault(node, f"{name} must be one value")
            return None
        try:
            return read(node.value)
        except ValueError as error:
            self._fault(node, f"{name} {error}")
            return None

    def _fault(self, node: Any, text: str) -> None:  # noqa: ANN401 - any node knows its line
        self.faults.append(f"{self.name}, line {node.start_mark.line + 1}: {text}")


def _text(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    return text


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0):  # noqa: PLR2004
        raise ValueError("must be a whole number above zero")
    return int(text)


def _span(text: str) -> timedelta:
    duration = read_duration(text)
    if duration <= timedelta(0):
        raise ValueError("must be above zero")
    return duration


def _truth(text: str) -> bool:
    if text not in {"true", "false"}:
        raise ValueError("must be true or false")
    return text == "true"


def _quote(name: str) -> str:
    return ascii(name[:40])
