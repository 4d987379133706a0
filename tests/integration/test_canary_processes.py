"""Canaries in real processes: crashes, wrong settings, databases that are away or refuse, Python's development mode.

What a process prints besides what we print is seen only here: libraries' warnings, tracebacks, last words of Python's.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from reconcile import bootstrap
from tests import postgres, samples, stores
from tests.cli.command import BASE, Done, here, reconcile
from tests.integration import canaries
from tests.integration.canaries import EMAIL, MARK, NAME, PASSWORD, SECRET, Server, found
from tests.integration.test_canary_secrets import leads, workspaces
from tests.timeouts import HUNG

CRASHES = {
    "in the runner": "from reconcile.domain.retry_state import next_state; substitute(next_state, broken)",
    "in the store": "from reconcile.store.leads.batch_rows import batch_rows; substitute(batch_rows, broken)",
    "in a group": "from tests.use_cases import lookups; substitute(lookups, broken)",
    "in the report": "from tests.use_cases import report_of; substitute(report_of, broken)",
}
"""Bugs that end a run, and whose exceptions hold what they must not."""
SURVIVED = {
    "in a plan": "from reconcile.domain.planning.plan import plan; substitute(plan, broken)",
    "in a provider": "from reconcile.providers.ghl import parsing; substitute(parsing.read_appointment, broken)",
    "in a task": "from tests.use_cases import deliver; substitute(deliver, in_a_task)",
}
"""Such as do not."""
BROKEN = f"""
import asyncio

class Detail(Exception):
    def __init__(self):
        super().__init__("Key (email)=({EMAIL}) of {NAME} with {canaries.GHL_TOKEN}")
        self.add_note("{EMAIL}")

def broken(*given, **named):
    secret = "{EMAIL}"
    try:
        raise Detail()
    except Detail as error:
        raise KeyError(secret) from error

async def in_a_task(*given, **named):
    async def fails():
        broken()
    asyncio.create_task(fails())
    await asyncio.sleep(0)

from tests import use_cases
from tests.substitution import substitute
{{bug}}
from reconcile_cli.main import cli
from tests.timeouts import HUNG
cli(prog_name="reconcile")
"""
REFUSALS = {
    "check": f"ALTER TABLE lead ADD CHECK (booking_status IS NULL OR email NOT LIKE '%{MARK}%') NOT VALID",
    "unique": "CREATE UNIQUE INDEX one ON lead (booking_status)",
    "trigger": """
        CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'row % of %', NEW, NEW.email USING DETAIL = NEW.email, HINT = NEW.email; END $$;
        CREATE TRIGGER no BEFORE UPDATE ON lead FOR EACH ROW EXECUTE FUNCTION no()""",
    "type": "ALTER TABLE lead ALTER COLUMN contact_id TYPE varchar(3) USING left(contact_id, 3)",
    "column": f'ALTER TABLE lead RENAME COLUMN booking_status TO "{MARK[:3]}_status"',
    "grant": "ALTER TABLE lead RENAME TO people",
}
"""What a customer's database may say no with: each complaint of PostgreSQL quotes the row."""
MALFORMED = {
    "database_url": (
        f"mysql://u:{PASSWORD}@h/db",
        f"postgresql://u:{PASSWORD}@h:port/db",
        f"postgresql://u:{PASSWORD}@",
        PASSWORD,
    ),
    "webhook_secret": (MARK, f"{SECRET}\n{SECRET}"),
    "webhook_url": (
        f"http://hooks.example/{MARK}",
        f"https://u:{PASSWORD}@h/x",
        f"https://h/{MARK}#x",
        f"ht tp://{MARK}",
    ),
    "ghl_base_url": (f"https://u:{PASSWORD}@h", f"{MARK}@example.org"),
    "database_url_file": (f"/nowhere/{PASSWORD}", PASSWORD),
    "webhook_secret_file": (PASSWORD,),
}

pytestmark = pytest.mark.integration


def silent(done: Done) -> Done:
    """Assert that nothing sings in what a process has printed."""
    assert not found(done.out), done.out
    assert not found(done.err), done.err
    return done


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    canaries.talkative_simulator(monkeypatch)
    with canaries.served(canaries.a_world()) as server:
        yield server


@pytest.fixture
def settings(server: Server, sqlite_template: Path, tmp_path: Path) -> dict[str, str]:
    url = stores.sqlite_copy(sqlite_template, tmp_path)
    postgres.in_thread(bootstrap.seed_url(url, workspaces=list(workspaces()), leads=list(leads())))
    return settings_of(server, url)


def settings_of(server: Server, url: str) -> dict[str, str]:
    return {
        "database_url": url,
        "ghl_base_url": server.simulator.ghl_url,
        "calendly_base_url": server.simulator.calendly_url,
        "heartbeat_url": f"{server.simulator.ghl_url}/beats/{MARK}?key={canaries.SECRET}",
        "webhook_url": f"{server.simulator.ghl_url}/hooks/{MARK}",
        "webhook_secret": SECRET,
        "follow_ups": "all",
        "log_level": "debug",
    }


def with_bug(bug: str, settings: dict[str, str], *, cwd: Path) -> Done:
    """Make a run in Python's development mode, with a bug."""
    ended = subprocess.run(
        [sys.executable, "-X", "dev", "-c", BROKEN.replace("{bug}", bug), "run"],
        env={**BASE, **{f"RECONCILE_{name.upper()}": value for name, value in settings.items()}},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=HUNG,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return Done(code=ended.returncode, out=ended.stdout, err=ended.stderr)


@samples.cells(1)
@pytest.mark.parametrize("crash", CRASHES)
def test_a_crash_reports_its_location_and_no_data(settings: dict[str, str], crash: str, tmp_path: Path) -> None:
    done = with_bug(CRASHES[crash], settings, cwd=tmp_path)

    assert done.code == 1
    assert "KeyError" in done.err
    assert "in broken" in done.err
    silent(done)


@samples.cells(1)
@pytest.mark.parametrize("bug", SURVIVED)
def test_a_bug_that_a_run_survives_is_named_by_type_and_place(
    settings: dict[str, str], bug: str, tmp_path: Path
) -> None:
    done = silent(with_bug(SURVIVED[bug], settings, cwd=tmp_path))

    assert done.code == 0
    assert done.json["leadsChecked"] > 5
    assert "KeyError in broken at <string>:" in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in MALFORMED.items() for value in values])
def test_wrong_settings_are_complained_of_without_being_repeated(name: str, value: str) -> None:
    others = {"webhook_url": "https://hooks.example/x", "webhook_secret": "a-key-of-some-length"}
    given = {key: text for key, text in others.items() if key != name.removesuffix("_file")}

    assert silent(here("status", **{**given, name: value})).code == 78
    if not name.endswith("_file"):
        assert silent(here("run", f"--{name.replace('_', '-')}", value, **given)).code == 2


def test_wrong_settings_are_complained_of_by_a_process_too(tmp_path: Path) -> None:
    values = {name: values[0] for name, values in MALFORMED.items() if not name.endswith("_file")}
    done = silent(reconcile("run", cwd=tmp_path, **values, webhook_secret_file=f"/{PASSWORD}"))

    assert done.code == 78
    assert len(done.err.splitlines()) >= len(values)
    assert list(tmp_path.iterdir()) == []


@samples.cells(1)
@pytest.mark.parametrize("command", ["run", "status", "doctor", "migrate"])
def test_an_unreachable_database_is_reported_without_its_password(command: str, tmp_path: Path) -> None:
    url = f"postgresql://{MARK}:{PASSWORD}@127.0.0.1:9/{MARK}"
    done = silent(reconcile(command, cwd=tmp_path, database_url=url, log_level="debug"))

    assert done.code == 75


@samples.cells(2)
@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_database_that_refuses_rows_is_quoted_by_names_alone(
    server: Server, postgres_server: postgres.Server, postgres_template: str, refusal: str, tmp_path: Path
) -> None:
    url = postgres_server.create_database(template=postgres_template)
    postgres.in_thread(bootstrap.seed_url(url, workspaces=list(workspaces()), leads=list(leads())))
    postgres.in_thread(executed(url, REFUSALS[refusal]))
    parts = urlsplit(url)
    with_password = parts._replace(netloc=f"{parts.username}:{PASSWORD}@{parts.hostname}:{parts.port}").geturl()
    given = settings_of(server, with_password)
    done = silent(reconcile("run", cwd=tmp_path, output="json", **given))
    for question in ("status", "doctor"):
        silent(here(question, **given))
    tables = postgres.in_thread(dumped(url))
    postgres_server.drop_database(url)

    assert done.code in {0, 75, 78}
    assert done.code or done.json["errors"]
    for name, rows in tables.items():
        assert not found(rows), name


async def executed(url: str, statements: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(statements)
    await connection.close()


async def dumped(url: str) -> dict[str, str]:
    connection = await asyncpg.connect(url)
    names = await connection.fetch("SELECT tablename FROM pg_tables WHERE tablename LIKE 'reconcile%'")
    dump = {row[0]: str(await connection.fetch(f'SELECT to_jsonb(t) FROM "{row[0]}" t')) for row in names}  # noqa: S608
    await connection.close()
    return dump
