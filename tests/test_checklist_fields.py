"""A checklist is read field by field: what its file says of a step is what the step holds."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reconcile.checklist import read_checklist
from reconcile.domain.verification.checklist import ClaimStep, FigureSource, RunStep, VerifiedStep
from reconcile.domain.verification.claim import Claim, Expected, Rate
from tests.distinct_values import names_of

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SINCE = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
CLAIM = (
    "gone: [a, b], present: [c], may_appear: [d], max_error_rate: 5/min, min_checks: 7, every: 8s, "
    "since: 2026-03-01T09:30Z"
)
HELD = Claim(
    since=SINCE,
    signatures=(
        ("a", Expected.GONE),
        ("b", Expected.GONE),
        ("c", Expected.PRESENT),
        ("d", Expected.MAY_APPEAR),
    ),
    max_error_rate=Rate.parse("5/min"),
    min_checks=7,
)
LOOKED: Mapping[str, Any] = {"claim": HELD, "every": timedelta(seconds=8)}
STEPS: Mapping[str, ClaimStep | RunStep | VerifiedStep] = {
    f"ledger: {{{CLAIM}, wait: 9m}}": ClaimStep(source=FigureSource.LEDGER, wait=timedelta(minutes=9), **LOOKED),
    f"cronjob: {{{CLAIM}, wait: 9m, name: nightly}}": ClaimStep(
        source=FigureSource.CRONJOB, name="nightly", wait=timedelta(minutes=9), **LOOKED
    ),
    f"logs: {{{CLAIM}, file: a.log}}": ClaimStep(source=FigureSource.LOGS, name="a.log", **LOOKED),
    "run: {dry_run: true, workspaces: 3, leads_per_workspace: 17, workspace: ws-1}": RunStep(
        workspaces=3,
        leads_per_workspace=17,
        workspace="ws-1",  # type: ignore[arg-type]
        dry_run=True,
    ),
    "run: {}": RunStep(workspaces=1, leads_per_workspace=10),
    "verified: {since: 2026-03-01T09:30Z}": VerifiedStep(since=SINCE),
}
"""By what the file says: what the step is."""


@pytest.mark.parametrize("text", STEPS, ids=lambda text: text.partition(":")[0])
def test_a_step_holds_what_the_file_says(tmp_path: Path, text: str) -> None:
    (tmp_path / "list.yaml").write_text(f"steps:\n- {{title: a step, {text}}}\n")
    (step,) = read_checklist(tmp_path / "list.yaml", now=NOW, since=None)

    assert (step.title, step.what) == ("a step", STEPS[text])


@pytest.mark.parametrize(
    "usual",
    [ClaimStep(claim=Claim(since=NOW)), RunStep(workspaces=1, leads_per_workspace=10), VerifiedStep(since=NOW)],
    ids=lambda usual: type(usual).__name__,
)
def test_each_field_of_a_step_is_tried_with_another_value(usual: ClaimStep | RunStep | VerifiedStep) -> None:
    """A field that is added needs a step above that has it."""
    steps = [each for each in STEPS.values() if isinstance(each, type(usual))]
    names = names_of(type(usual))

    assert [name for name in names if all(getattr(each, name) == getattr(usual, name) for each in steps)] == []


@pytest.mark.parametrize(
    ("own", "of_file", "typed", "expected"),
    [
        ("2026-03-01T09:30Z", "2026-02-02T00:00Z", "2026-01-01T00:00Z", SINCE),
        (None, "2026-02-02T00:00Z", "2026-01-01T00:00Z", datetime(2026, 1, 1, tzinfo=UTC)),
        (None, "2026-02-02T00:00Z", None, datetime(2026, 2, 2, tzinfo=UTC)),
        (None, None, "2026-01-01T00:00Z", datetime(2026, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_step_without_an_instant_of_its_own_gets_the_typed_one_and_then_the_files(
    tmp_path: Path, own: str | None, of_file: str | None, typed: str | None, expected: datetime
) -> None:
    head = f"since: {of_file}\n" if of_file else ""
    since = f"{{since: {own}}}" if own else "{}"
    (tmp_path / "list.yaml").write_text(f"{head}steps:\n- {{title: a step, verified: {since}}}\n")
    at = datetime.fromisoformat(typed) if typed else None
    (step,) = read_checklist(tmp_path / "list.yaml", now=NOW, since=at)

    assert step.what == VerifiedStep(since=expected)
