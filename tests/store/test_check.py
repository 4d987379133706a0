"""What ``reconcile doctor`` is told of a database."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from reconcile.domain.views.finding import Finding, FindingStatus
from reconcile.store.doctor.check import check_schema
from reconcile.store.leads.seed import seed
from reconcile.store.mapping.mapping import SchemaMapping, parse_mapping
from reconcile.store.schema.migrate import migrate
from reconcile.store.session import open_store
from tests.store import schemas
from tests.stores import DEFAULT, NOW, POLICY, W1, lead, workspace


async def check(url: str, mapping: SchemaMapping, *, offset: timedelta = timedelta(0)) -> list[Finding]:
    return list(await check_schema(url, mapping=mapping, now=datetime.now(UTC) + offset))


def problems(findings: list[Finding], *, fine: bool = False) -> list[str]:
    """Return what is not fine, as one line each."""
    return [
        f"{each.subject}: {each.text} -> {each.remedy}"
        for each in findings
        if fine or each.verdict is not FindingStatus.FINE
    ]


async def test_a_correct_database_has_no_findings(database_url: str) -> None:
    await migrate(database_url, mapping=DEFAULT)
    findings = await check(database_url, DEFAULT)

    assert problems(findings) == []
    grants = [] if database_url.startswith("sqlite") else ["grants"]
    assert [each.subject for each in findings] == ["database", "schema", "mapping", *grants, "contents"]


async def test_a_database_without_our_tables_is_reported_with_the_remedy(postgres_url: str) -> None:
    assert problems(await check(postgres_url, DEFAULT)) == [
        "schema: the database has none of this program's tables -> run `reconcile migrate`"
    ]


async def test_a_customers_schema_is_checked_before_a_migration(database_url: str) -> None:
    customer = await schemas.camel(database_url)
    findings = await check(database_url, customer.mapping)

    assert [each.subject for each in findings if each.verdict is FindingStatus.FAULT] == ["schema"]
    assert any(each.text == "camel.toml matches the tables" for each in findings)


async def test_missing_indexes_are_reported_with_the_statement(database_url: str) -> None:
    customer = await schemas.camel(database_url)
    await migrate(database_url, mapping=customer.mapping)
    is_sqlite = database_url.startswith("sqlite")

    def index(table: str, column: str, columns: str) -> str:
        # Without CONCURRENTLY nobody could write to the table meanwhile.
        made, place = ("INDEX", f'"{table}"') if is_sqlite else ("INDEX CONCURRENTLY", f'"app"."{table}"')
        return f'execute: CREATE {made} "reconcile_{table}_{column}" ON {place} ({columns})'

    due = [
        index("Lead", "bookingStartTime", '"bookingStartTime"'),
        index("Lead", "lastInboundAt", '"lastInboundAt"'),
        index("Lead", "in Sequence", '"workspaceId", "leadId"') + ' WHERE "in Sequence"',
        index("Lead", "bookingStatus", '"workspaceId", "leadId"')
        + ' WHERE "bookingId" IS NOT NULL AND "bookingStatus" IS NULL',
    ]

    advice = [each.remedy for each in await check(database_url, customer.mapping) if each.subject == "indexes"]
    assert advice == [
        index("Lead", "workspaceId", '"workspaceId"'),
        *([] if is_sqlite else due),
        index("Appointment", "leadId", '"leadId"'),
    ]


async def test_after_the_advised_statements_nothing_is_missing(database_url: str) -> None:
    customer = await schemas.camel(database_url)
    await migrate(database_url, mapping=customer.mapping)

    for each in await check(database_url, customer.mapping):
        if each.subject == "indexes":
            await customer.script((each.remedy or "").removeprefix("execute: "))

    assert [each.text for each in await check(database_url, customer.mapping) if each.subject == "indexes"] == []


def swap(old: str, new: str) -> Callable[[str], str]:
    return lambda text: text.replace(old, new)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (swap("app.Lead", "app.Leed"), "there is no table app.Leed -> correct table in [lead] of camel.toml"),
        (swap('"eMail"', '"email"'), "app.Lead has no column email -> did you mean eMail?"),
        (swap('"status"', '"eMail"'), None),
        (swap('"lastInboundAt"', '"bookingId"'), "app.Lead.bookingId is text, not a timestamp -> name another column"),
        (
            swap('"in Sequence"', '"bookingId"'),
            "app.Lead.bookingId is text, not a boolean or a number -> name another column",
        ),
        (swap('"QUALIFIED"', '"QUALIFED"'), "which has no QUALIFED ([lead.status]) -> did you mean QUALIFIED?"),
        (swap('"LOST"', '"LOSTT"'), "which has no LOSTT ([lead.status]) -> did you mean LOST?"),
        (swap('no_show = "NO_SHOW"', 'no_show = "AWAY"'), "which has no AWAY ([appointment.status]) -> it has NEW,"),
        (swap('title = "Call"', ""), "app.Appointment.title is required and has no default"),
        (swap('calendly = "CALENDLY"', 'calendly = "CALENDY"'), "which has no CALENDY ([lead.booking_provider])"),
    ],
)
async def test_a_mapping_that_does_not_match_is_reported(
    postgres_url: str, change: Callable[[str], str], line: str | None
) -> None:
    await schemas.camel(postgres_url)
    mapping = parse_mapping(change(schemas.CAMEL), name="camel.toml")
    await migrate(postgres_url, mapping=mapping)

    lines = problems(await check(postgres_url, mapping))
    assert line is None or any(line in each for each in lines), lines


async def test_a_column_that_rounds_cancellation_times_is_reported(postgres_url: str) -> None:
    customer = await schemas.camel(postgres_url)
    await customer.script('ALTER TABLE app."Appointment" ADD "canceledAt" timestamptz(0)')
    text = schemas.CAMEL.replace(
        'ends_at = "endTime"\ncreated', 'ends_at = "endTime"\ncanceled_at = "canceledAt"\ncreated'
    )
    mapping = parse_mapping(text, name="camel.toml")
    await migrate(postgres_url, mapping=mapping)

    assert "keeps 0 digits of a second" in problems(await check(postgres_url, mapping))[0]


async def test_missing_grants_are_reported_with_the_statement(postgres_url: str) -> None:
    customer = await schemas.camel(postgres_url)
    await migrate(postgres_url, mapping=customer.mapping)
    role = f"reader_{postgres_url[-12:]}"
    await customer.script(
        f"""
        CREATE ROLE {role} LOGIN;
        GRANT USAGE ON SCHEMA app TO {role};
        GRANT SELECT ON ALL TABLES IN SCHEMA app, public TO {role};
        GRANT INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO {role};
        GRANT INSERT, UPDATE ON app."Appointment" TO {role};
        GRANT UPDATE ("bookingId", "bookingProvider", "bookingStartTime", "bookingEndTime", "bookingStatus", status,
            "updatedAt") ON app."Lead" TO {role};
        """
    )
    try:
        findings = await check(postgres_url.replace("reconcile@", f"{role}@"), customer.mapping)
    finally:
        await customer.script(f"DROP OWNED BY {role}; DROP ROLE {role}")

    assert [each.remedy for each in findings if each.subject == "grants"] == [
        f'ask the owner to execute: GRANT UPDATE ("lastCheckedAt") ON app."Lead" TO {role}'
    ]


async def test_a_wrong_clock_is_reported(database_url: str) -> None:
    await migrate(database_url, mapping=DEFAULT)
    behind = await check(database_url, DEFAULT, offset=timedelta(hours=1))
    ahead = await check(database_url, DEFAULT, offset=timedelta(hours=-1))

    assert [(each.verdict, each.subject) for each in (behind[0], ahead[0])] == [(FindingStatus.WARNING, "clock")] * 2
    assert "s behind this machine's; synchronize both clocks" in f"{behind[0].text}; {behind[0].remedy}"
    assert "s ahead of this machine's; synchronize both clocks" in f"{ahead[0].text}; {ahead[0].remedy}"


async def test_a_mapping_under_which_no_lead_is_due_is_reported(database_url: str) -> None:
    await schemas.bare(database_url)
    mapping = parse_mapping(schemas.BARE.replace('last_inbound_at = "wrote_at"', ""), name="bare.toml")
    await migrate(database_url, mapping=mapping)

    lines = problems(await check(database_url, mapping))
    assert any("no lead will ever be due" in line for line in lines)
    assert any("no lead can be looked up" in line for line in lines)


async def test_an_unreachable_database_is_reported() -> None:
    findings = await check("postgresql://u:hunter2@127.0.0.1:1/d", DEFAULT)

    assert [each.verdict for each in findings] == [FindingStatus.AWAY]
    assert "hunter2" not in str(findings)


@pytest.mark.parametrize("url", ["oracle://h", "sqlite:////nowhere/at/all.db"])
async def test_a_url_that_cannot_be_used_is_a_fault(url: str) -> None:
    assert [each.verdict for each in await check(url, DEFAULT)] == [FindingStatus.FAULT]


async def test_a_row_that_cannot_be_read_is_named_by_its_key_and_column(migrated_url: str) -> None:
    leads = [lead(f"l{n}") for n in range(12)]
    await seed(migrated_url, mapping=DEFAULT, workspaces=[workspace()], leads=leads)
    customer = schemas.Customer(migrated_url, DEFAULT)
    await customer.execute("UPDATE lead SET booking_starts_at = 'infinity', email = 'ann@example.com' WHERE id = 'l7'")
    if migrated_url.startswith("sqlite"):
        await customer.execute("UPDATE workspace SET ghl_token = x'00' WHERE id = 'w1'")
    remedy = "correct the value: until then its lead or workspace fails in every run"
    of_lead = f"values: lead.booking_starts_at has no date of the years 1 to 9999 in the row id = l7 -> {remedy}"
    of_workspace = f"values: workspace.ghl_token has bytes instead of text in the row id = w1 -> {remedy}"

    found = problems(await check(migrated_url, DEFAULT))

    assert found == ([of_workspace, of_lead] if migrated_url.startswith("sqlite") else [of_lead])


async def test_a_few_of_many_unreadable_rows_are_listed(migrated_url: str) -> None:
    leads = [lead(f"l{n}") for n in range(12)]
    await seed(migrated_url, mapping=DEFAULT, workspaces=[workspace()], leads=leads)
    await schemas.Customer(migrated_url, DEFAULT).execute("UPDATE lead SET last_inbound_at = 'infinity'")

    assert len(problems(await check(migrated_url, DEFAULT))) == 5


async def test_invalid_utf_8_is_read_row_by_row_on_a_server_that_stores_it(postgres_url: str) -> None:
    """SQL_ASCII: the server keeps whatever it is sent."""
    place, _, name = postgres_url.rpartition("/")
    made = schemas.Customer(f"{place}/postgres", DEFAULT)
    other = f"{name}_any"
    await made.execute(f"CREATE DATABASE {other} ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
    try:
        url = f"{place}/{other}"
        await migrate(url, mapping=DEFAULT)
        leads = [lead(f"l{n}", email="änn@example.org") for n in range(3)]
        await seed(url, mapping=DEFAULT, workspaces=[workspace()], leads=leads)
        bad = "convert_from(decode('c328', 'hex'), 'SQL_ASCII')"
        await schemas.Customer(url, DEFAULT).execute(f"UPDATE lead SET email = {bad} WHERE id = 'l1'")  # noqa: S608
        await schemas.Customer(url, DEFAULT).execute(
            f"INSERT INTO lead (id, workspace_id, in_sequence) VALUES ({bad}, 'w1', true)"  # noqa: S608
        )
        async with open_store(url, mapping=DEFAULT) as store:
            found = await store.leads.due_leads(W1, now=NOW, policy=POLICY, limit=9)

        assert {each.id: each.fault for each in found} == {
            "l0": None,
            "l1": "lead.email has text that is not UTF-8",
            "l2": None,
            r"\xc3(": "lead.id has text that is not UTF-8",
        }
        assert [each.email for each in found[:3]] == ["änn@example.org", None, "änn@example.org"]
        places = [each.split(" in the row")[1].partition(" ->")[0] for each in problems(await check(url, DEFAULT))]
        assert sorted(places) == [" ctid = (0,5)", " id = l1"]
    finally:
        await made.execute(f"DROP DATABASE {other}")
