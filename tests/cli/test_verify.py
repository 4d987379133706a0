"""``reconcile verify`` from outside: verdicts, exit codes, sentences."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconcile.checklist import read_checklist
from tests.cli.command import ROOT, Done, here
from tests.cli.conftest import Shop

LOG = """2026-03-02T09:00:00Z ERROR old: Missing ghlAppointmentId
2026-03-02T09:12:00Z INFO fine
2026-03-02T09:14:00Z INFO fine
"""
SINCE = "2026-03-02T09:10:00Z"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "app.log"
    path.write_text(LOG)
    return path


def verify(*arguments: object) -> Done:
    return here("verify", *map(str, arguments))


def test_a_log_gives_each_verdict(log: Path) -> None:
    claim = ("--logs", log, "--signature", "Missing ghlAppointmentId", "--gone", "--max-error-rate", "5/min")
    passed = verify(*claim, "--since", SINCE, "--min-checks", "2")
    failed = verify(*claim, "--since", "2026-03-02T08:10:00Z")
    unknown = verify(*claim, "--since", SINCE)

    assert [(each.code, each.json["verdict"]) for each in (passed, failed, unknown)] == [
        (0, "pass"),
        (1, "fail"),
        (2, "inconclusive"),
    ]
    assert [each.json["steps"][0]["reason"] for each in (passed, failed, unknown)] == [
        "as_claimed",
        "still_seen",
        "too_few_checks",
    ]


def test_markdown_checks_passed_steps(log: Path, tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    steps = [
        {"title": "gone", "logs": {"file": str(log), "gone": "ghlAppointmentId", "min_checks": 2}},
        {"title": "there", "logs": {"file": str(log), "present": ["nothing"], "min_checks": 2}},
    ]
    plan.write_text(json.dumps({"since": SINCE, "steps": steps}))
    done = verify("--plan", plan, "--markdown")

    assert done.code == 1
    assert done.out.startswith("**Verdict: fail**\n\n- [x] gone\n")
    assert "\n- [ ] there\n  - **failed:** " in done.out


WRONG = {
    "an unknown time": (("--since", "yesterday"), 64, "--since must be a time with its zone"),
    "a time without a zone": (("--since", "2026-03-02T09:00:00"), 64, "with its zone"),
    "a time ahead": (("--since", "2999-03-02T09:00:00Z"), 64, "must not be in the future"),
    "no time": ((), 64, "--since is missing"),
    "a negative rate": (("--since", "1h", "--max-error-rate", "-5/min"), 64, "--max-error-rate must be"),
    "too few checks": (("--since", "1h", "--min-checks", "0"), 64, "--min-checks"),
    "no flag of ours": (("--since", "1h", "--goone"), 64, "--goone"),
    "a log that is waited for": (("--since", "1h", "--logs", "x", "--wait", "1h"), 64, "does not grow"),
    "two places": (("--since", "1h", "--logs", "x", "--cronjob", "y"), 64, "two places"),
    "a missing log": (("--since", "1h", "--logs", "/no/such.log"), 66, "cannot be read: No such file"),
    "a folder": (("--since", "1h", "--logs", "/"), 66, "cannot be read: Is a directory"),
}


@pytest.mark.parametrize(("arguments", "code", "told"), WRONG.values(), ids=WRONG)
def test_a_wrong_question_has_a_sentence_and_a_code_of_its_own(
    arguments: tuple[str, ...], code: int, told: str
) -> None:
    done = verify("--signature", "x", "--gone", *arguments)

    assert (done.code, done.out) == (code, "")
    assert told in done.err
    assert "Traceback" not in done.err


def test_a_binary_log_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "binary"
    path.write_bytes(b"\x7fELF\x02\x00\x00")
    done = verify("--since", "1h", "--signature", "x", "--gone", "--logs", path)

    assert (done.code, done.err) == (
        66,
        f"reconcile: {path} is no text: there is a zero byte in line 1 or soon after\n",
    )


def test_all_faults_of_a_checklist_are_reported_with_their_lines(tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text(
        "steps:\n- title: a\n  ledger: {gone: x, max_error_rate: -1/min}\n- ledgr: {}\n- title: c\n  logs: {gone: x}\n"
    )
    done = verify("--plan", plan, "--since", "1h")

    assert done.code == 64
    for told in ("line 3: max_error_rate must be", "line 4: a step knows no 'ledgr'", "line 6: logs needs a file"):
        assert told in done.err
    plan.write_text("steps: [")
    assert "is not YAML" in verify("--plan", plan, "--since", "1h").err
    assert verify("--plan", tmp_path / "none.yaml", "--since", "1h").code == 66


async def test_the_ledger_is_read_and_a_checklist_runs(shop: Shop, tmp_path: Path) -> None:
    await shop.json("run")
    plan = tmp_path / "plan.yaml"
    steps = [
        {"title": "rate", "ledger": {"max_error_rate": "4/s", "min_checks": 1}},
        {"title": "dry run", "run": {"dry_run": True, "workspaces": 1, "leads_per_workspace": 10}},
    ]
    plan.write_text(json.dumps({"steps": steps}))
    done = await shop.reconcile("verify", "--plan", str(plan), "--since", "1h")

    assert done.code == 0, done.out + done.err
    assert [each["verdict"] for each in done.json["steps"]] == ["pass", "pass"]
    assert done.json["steps"][0]["figures"]["checks"] > 0


async def test_an_unreachable_database_gives_no_verdict(shop: Shop) -> None:
    done = await shop.reconcile(
        "verify", "--since", "1h", "--min-checks", "1", "--database-url", "postgresql://u:p@127.0.0.1:1/x"
    )

    assert (done.code, done.out) == (75, "")


def test_the_shipped_checklist_is_read() -> None:
    now = datetime(2026, 3, 2, tzinfo=UTC)
    assert len(read_checklist(ROOT / "deploy/verify/rollout.yaml", now=now, since=now)) == 7
