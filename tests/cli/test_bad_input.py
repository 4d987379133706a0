"""What is wrong gives a sentence that names the place and the remedy, and its exit code; nothing is lost."""

import socket
from pathlib import Path

import pytest

from tests.cli.command import ROOT, Done, here, reconcile

CANARY = "canary-8f1d"
ASKING = ("run", "status", "mismatches", "quarantine list", "follow-ups list", "breaker show", "explain run x")
AWAY = f"postgresql://u:{CANARY}@127.0.0.1:9/n"


@pytest.fixture(scope="module")
def migrated_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give an empty database with our tables, for commands that change nothing."""
    url = f"sqlite:///{tmp_path_factory.mktemp('migrated')}/a.db"
    assert here("migrate", database_url=url).code == 0
    return url


def is_told_in_sentences(done: Done) -> bool:
    is_silent = not done.out or done.json["success"] is False
    return is_silent and "Traceback" not in done.err and CANARY not in done.out + done.err


def test_all_faults_of_the_settings_are_reported_at_once(tmp_path: Path) -> None:
    done = reconcile(
        "run",
        cwd=tmp_path,
        workspace_limit="zero",
        database_url=f"mysql://u:{CANARY}@h/n",
        webhook_secret=f"{CANARY}-{CANARY}",
        workspace_limt="1",
    )

    assert done.code == 78
    assert is_told_in_sentences(done)
    assert done.err.splitlines() == [
        "reconcile: RECONCILE_DATABASE_URL must begin with sqlite:/// or postgresql://",
        "reconcile: RECONCILE_WORKSPACE_LIMIT must be a whole number from 1 to 100000, not 'zero'",
        "reconcile: RECONCILE_WORKSPACE_LIMT is not a setting; did you mean RECONCILE_WORKSPACE_LIMIT?",
        "reconcile: RECONCILE_WEBHOOK_SECRET is set without RECONCILE_WEBHOOK_URL; set both or neither",
    ]


@pytest.mark.parametrize("command", ASKING)
def test_a_database_that_does_not_answer_is_a_matter_of_time(command: str) -> None:
    done = here(*command.split(), database_url=AWAY)

    assert done.code == 75, done.err
    assert is_told_in_sentences(done)
    assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize("command", ASKING)
def test_a_database_without_our_tables_names_the_command_that_makes_them(command: str, tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()

    done = here(*command.split(), database_url=f"sqlite:///{tmp_path}/empty.db")

    assert done.code == 78, done.err
    assert is_told_in_sentences(done)
    assert "reconcile migrate" in done.err


def test_a_separate_process_reports_the_same(tmp_path: Path) -> None:
    away = reconcile("run", cwd=tmp_path, database_url=AWAY)
    not_migrated = reconcile("run", cwd=tmp_path)

    assert (away.code, not_migrated.code) == (75, 78)
    assert is_told_in_sentences(away)
    assert is_told_in_sentences(not_migrated)


def test_a_database_file_that_cannot_be_created_is_reported(tmp_path: Path) -> None:
    done = here("migrate", database_url=f"sqlite:///{tmp_path}/no/such/folder/a.db")

    assert done.code in {75, 78}, done.err
    assert is_told_in_sentences(done)


def test_a_file_that_is_no_database_is_reported(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text(f"{CANARY} is not a database, and long enough to be taken for a header" * 20)

    done = here("run", database_url=f"sqlite:///{tmp_path}/text.db")

    assert done.code in {75, 78}, done.err
    assert is_told_in_sentences(done)


@pytest.mark.parametrize("content", [None, "= not toml", "[lead]\ntable = 1\n"])
def test_a_wrong_mapping_is_reported(content: str | None, tmp_path: Path) -> None:
    file = tmp_path / "mapping.toml"
    if content is not None:
        file.write_text(content)

    done = here("run", schema_mapping=str(file), database_url=f"sqlite:///{tmp_path}/a.db")

    assert done.code == 78, done.err
    assert is_told_in_sentences(done)
    assert "mapping" in done.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("breaker hold ghl --reason x", "breakers are run, provider:ghl, provider:calendly and workspace:ID"),
        ("breaker hold workspace:nobody --reason x", "there is no workspace 'nobody'"),
        ("breaker hold run", "Missing option '--reason'"),
        ("breaker hold run --reason x --for 10", "must be a duration like 90s"),
        ("breaker hold run --reason x --for 40d", "at most 30 days"),
        ("breaker replay ghl", "breakers are run, provider:ghl, provider:calendly and workspace:ID"),
        ("breaker replay --since 2999-01-01", "must not be in the future"),
        ("breaker replay --since 4", "must be a date, a time like"),
        ("breaker replay --error-rate 1.5", "must be a number above 0, at most 1"),
        ("breaker replay --error-rate 0", "must be a number above 0, at most 1"),
        ("breaker replay --min-checks 0", "must be a whole number from 1"),
        ("breaker replay --cooldown 0s", "--cooldown must be from 1s to 1d"),
        ("breaker replay --cooldown 2d", "--cooldown must be from 1s to 1d"),
        ("breaker replay", "there is no run since"),
        ("explain lead nobody@example.com", "there is no lead with this id"),
        ("run --workspace nobody", "there is no workspace 'nobody'"),
        ("explain run nothing", "there is no run 'nothing'"),
        ("explain workspace nobody", "there is no workspace 'nobody'"),
        ("quarantine release", "name the leads to release, or give --all"),
        ("quarantine release a --all", "name the leads to release, or give --all"),
        ("quarantine release a --workspace b", "--workspace needs --all"),
        ("follow-ups retry", "name the follow-ups by their keys, or give --all"),
        ("follow-ups retry a --all", "name the follow-ups by their keys, or give --all"),
        ("follow-ups retry a --since 1h", "--workspace and --since need --all"),
        ("simulate --fault nonsense", "is not a fault; known faults: latency"),
        ("simulate --fault latency=soon", "latency takes a number from 0"),
    ],
)
def test_a_request_that_cannot_be_is_usage(arguments: str, says: str, migrated_url: str) -> None:
    done = here(*arguments.split(), database_url=migrated_url)

    assert done.code == 2, done.err
    assert says in done.err
    assert is_told_in_sentences(done)


def test_a_port_in_use_is_reported_and_leaves_no_database(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = here("simulate", "--port", str(port), "--fill", str(tmp_path / "company.db"))

    assert done.code == 2, done.err
    assert list(tmp_path.iterdir()) == []
    assert f"port {port} or the next cannot be opened" in done.err
    assert is_told_in_sentences(done)


def test_a_simulated_company_overwrites_nothing() -> None:
    done = here("simulate", "--fill", str(ROOT / "pyproject.toml"))

    assert done.code == 2
    assert "needs the path of a new file" in done.err
