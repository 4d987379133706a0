"""A run that cannot start says so where its report is read."""

import pytest

from tests.cli.command import here

AWAY = "postgresql://u:p@127.0.0.1:1/x"


@pytest.mark.parametrize(
    ("arguments", "settings", "code", "name", "reason"),
    [
        ((), {"database_url": AWAY}, 75, "temporary", "database"),
        (("--output", "json"), {"database_url": AWAY}, 75, "temporary", "database"),
        (("--output=json",), {"database_url": AWAY, "output": "text"}, 75, "temporary", "database"),
        ((), {"database_url": "nonsense://"}, 78, "settings", "RECONCILE_DATABASE_URL"),
        ((), {"database_url": AWAY, "lead_concurrency": "-1"}, 78, "settings", "RECONCILE_LEAD_CONCURRENCY"),
    ],
)
def test_a_run_that_cannot_start_prints_its_report_as_json(
    arguments: tuple[str, ...], settings: dict[str, str], code: int, name: str, reason: str
) -> None:
    done = here("run", *arguments, **settings)

    assert done.code == code
    assert (done.json["success"], done.json["exitCode"]) == (False, name)
    assert reason in done.json["reason"]
    assert len(done.out.splitlines()) == 1
    assert done.err.startswith("reconcile: ")


@pytest.mark.parametrize("arguments", [("run", "--output", "text"), ("status",)])
def test_what_is_no_report_of_a_run_prints_nothing(arguments: tuple[str, ...]) -> None:
    done = here(*arguments, database_url=AWAY)

    assert (done.code, done.out) == (75, "")
