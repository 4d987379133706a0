"""What a dry run would change, in blocks, as lines of JSON, and as counts in the report."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from reconcile.domain.ids import LeadId, WorkspaceId
from reconcile.domain.planning.listed_change import ListedChange
from reconcile.domain.planning.outcome import Outcome
from reconcile_cli.repair import run_text
from tests.cli.conftest import Shop


def shown(*rows: ListedChange, count: int) -> str:
    out = Console(record=True, width=160)
    run_text.show_changes(rows, count=count, out=out)
    return out.export_text()


MOVED = ListedChange(
    workspace_id=WorkspaceId("ws-1"),
    lead_id=LeadId("lead-1"),
    kind=Outcome.RESCHEDULED,
    reason="status_or_time_differs",
    before={"startsAt": datetime(2026, 3, 2, 9, tzinfo=UTC).isoformat()},
    after={"startsAt": datetime(2026, 3, 2, 11, tzinfo=UTC).isoformat()},
    appointments=(
        {"id": "a-1", "before": None, "after": {"status": "confirmed", "startsAt": "2026-03-02T11:00:00+00:00"}},
        {
            "id": "a-0",
            "before": {"status": "confirmed", "startsAt": None},
            "after": {"status": "rescheduled", "startsAt": None},
        },
    ),
    follow_ups=("start_post_booking_sequence",),
)


def test_a_row_shows_old_and_new_values_the_reason_and_the_follow_ups() -> None:
    text = shown(MOVED, count=1)

    assert "starts 2026-03-02T09:00:00Z → 2026-03-02T11:00:00Z" in text
    assert "  lead-1  ws-1  rescheduled  status or time differs\n" in text
    assert "      follow-up: start post booking sequence\n" in text
    assert "appointment a-1 new: confirmed, starts 2026-03-02T11:00:00Z" in text
    assert "appointment a-0 status confirmed → rescheduled" in text


def test_a_long_list_is_cut_and_says_how_to_get_all_of_it() -> None:
    assert "1 of 1,234 changes; all of them: --changes FILE" in shown(MOVED, count=1234)
    assert "--changes" not in shown(MOVED, count=1)
    assert "no lead would be changed" in shown(count=0)


def test_changes_are_of_a_dry_run_and_stdout_holds_one_document(tmp_path: Path) -> None:
    from tests.cli.command import here  # noqa: PLC0415

    file = str(tmp_path / "changes")

    assert "--changes needs --dry-run" in here("run", "--changes", file).err
    assert "both need stdout" in here("run", "--dry-run", "--changes", "-", "--output", "json").err


@pytest.mark.integration
async def test_each_planned_change_is_a_line_and_is_counted_by_its_kind(shop: Shop, tmp_path: Path) -> None:
    file = tmp_path / "changes.jsonl"
    report = await shop.json("run", "--dry-run", "--changes", str(file))
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    written = await shop.json("run")

    assert lines
    assert sum(report["changes"].values()) == len(lines)
    assert report["changes"] == written["changes"]
    assert report["effectsCreated"] == written["effectsCreated"]
    for kind, count in report["changes"].items():
        assert len([each for each in lines if each["kind"] == kind]) == count
    for kind, count in report["effectsCreated"].items():
        assert sum(each["followUps"].count(kind) for each in lines) == count
    assert all(each["before"].keys() == each["after"].keys() for each in lines)


@pytest.mark.integration
async def test_on_stdout_are_the_lines_alone_and_the_report_is_on_stderr(shop: Shop) -> None:
    done = await shop.reconcile("run", "--dry-run", "--changes", "-", "--limit", "1")
    lines = [json.loads(line) for line in done.out.splitlines()]

    assert done.code == 0
    assert {each["lead"] for each in lines} <= {lead.id for lead in shop.world.leads}
    assert "dry run: nothing was written" in done.err
    assert f"1 of {len(lines)} changes" in done.err


@pytest.mark.integration
async def test_no_persons_data_is_among_the_changes(shop: Shop) -> None:
    done = await shop.reconcile("run", "--dry-run", "--changes", "-")

    assert done.out
    assert not any(lead.email and lead.email in done.out + done.err for lead in shop.world.leads)
