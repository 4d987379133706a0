"""What a database's URL is read as, and what PostgreSQL is asked for at the start of a session."""

from pathlib import Path

import pytest

from reconcile.errors import SettingsError
from reconcile.store.db.address import Address


def postgresql(dsn: str, *, search_path: str | None = None, is_pooled: bool = False) -> Address:
    """Return an address in PostgreSQL."""
    return Address(dialect="postgresql", dsn=dsn, search_path=search_path, is_pooled=is_pooled)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("postgres://u:p@h:5432/d", postgresql("postgresql://u:p@h:5432/d")),
        ("postgresql://h/d?sslmode=require", postgresql("postgresql://h/d?sslmode=require")),
        ("postgresql://h/d?schema=sales&connect_timeout=5", postgresql("postgresql://h/d", search_path="sales")),
        (
            "postgresql://h/d?a=&pgbouncer=true&b=2&connection_limit=1&pool_timeout=2&socket_timeout=3&sslaccept=x",
            postgresql("postgresql://h/d?a=&b=2", is_pooled=True),
        ),
        ("postgresql://h/d?pgbouncer=false", postgresql("postgresql://h/d")),
        ("postgresql://h?dbname=d", postgresql("postgresql://h?dbname=d")),
        ("postgresql://h/?database=d", postgresql("postgresql://h/?database=d")),
        ("postgresql://h:0/d", postgresql("postgresql://h:0/d")),
        ("postgresql://h:65535/d", postgresql("postgresql://h:65535/d")),
        ("postgresql://h/d?port=0,65535", postgresql("postgresql://h/d?port=0%2C65535")),
        ("sqlite:///a%20b.db?mode=ro", Address(dialect="sqlite", dsn="a b.db")),
    ],
)
def test_each_part_of_a_url_reaches_its_field(url: str, address: Address) -> None:
    assert Address.parse(url) == address


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("postgresql:h/d", "must begin with postgresql:// or sqlite:///"),
        ("sqlite:a.db", "must begin with postgresql:// or sqlite:///"),
        ("sqlite://a.db", "must begin with postgresql:// or sqlite:///"),
        ("sqlite:///?mode=ro", "names no file; write sqlite:///path or sqlite:////absolute/path"),
        ("postgresql://h//d", "is not a URL; two slashes come before the host, and one after it"),
        ("postgresql://h/", "names no database; end it with /name"),
        ("postgresql://h/d?port=65536", "is not a URL; check the hosts, the brackets and the port"),
        ("postgresql://h/d?port=-1", "is not a URL; check the hosts, the brackets and the port"),
        ("postgresql://h/d?port=1,x", "is not a URL; check the hosts, the brackets and the port"),
        ("postgresql://a,b:65536/d", "is not a URL; check the hosts, the brackets and the port"),
        ("postgresql:///d?host=a,[b", "is not a URL; check the hosts, the brackets and the port"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_with_the_remedy(url: str, sentence: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Address.parse(url)

    assert refused.value.faults == (f"RECONCILE_DATABASE_URL {sentence}",)


def test_only_a_file_that_does_not_exist_is_missing(tmp_path: Path) -> None:
    (tmp_path / "there.db").touch()
    urls = (f"sqlite:///{tmp_path}/there.db", f"sqlite:///{tmp_path}/missing.db", "postgresql://h/missing")

    assert [Address.parse(url).is_missing() for url in urls] == [False, True, False]


@pytest.mark.parametrize(
    ("query", "settings"),
    [
        (
            "",
            {
                "application_name": "reconcile",
                "lock_timeout": "5s",
                "statement_timeout": "15s",
                "jit": "off",
                "idle_in_transaction_session_timeout": "10s",
                "TimeZone": "UTC",
            },
        ),
        ("?pgbouncer=true", {"application_name": "reconcile"}),
        (
            "?pgbouncer=true&schema=a%22b",
            {"application_name": "reconcile", "search_path": '"a""b"'},
        ),
    ],
)
def test_behind_a_pooler_no_session_setting_is_used(query: str, settings: dict[str, str]) -> None:
    assert Address.parse(f"postgresql://h/d{query}").server_settings() == settings
