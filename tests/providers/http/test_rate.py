"""Retry-After in all its forms, and headers that lie."""

from datetime import UTC, datetime, timedelta, timezone

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reconcile.providers.http.rate_limits import DEFAULT_WAIT, RateHeaders, daily_wait, wait_of
from reconcile.wire.retry_after import LONGEST_WAIT, retry_after

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("values", "seconds"),
    [
        (["0"], 0),
        (["7"], 7),
        (["007"], 7),
        (["+7"], 7),
        (["1.5"], 1.5),
        ([".5"], 0.5),
        (["3."], 3),
        (["  12\t"], 12),
        (["-5"], 0),
        (["-0.1"], 0),
        (["3600"], 3600),
        (["3601"], 3600),
        (["999999999999999999999999999999"], 3600),
        (["9" * 5000], 3600),
        (["Tue, 24 Nov 2026 12:00:30 GMT"], 30),
        (["Tuesday, 24-Nov-26 12:00:30 GMT"], 30),
        (["Tue Nov 24 12:00:30 2026"], 30),
        (["tue, 24 nov 2026 12:00:30 gmt"], 30),
        (["24 Nov 2026 12:00:30 +0000"], 30),
        (["Sun Nov  1 12:00:30 2026"], 0),
        (["Tue, 24 Nov 2026 12:00:60 GMT"], 59),
        (["Tue, 24 Nov 2026 11:59:59 GMT"], 0),
        (["Sunday, 06-Nov-94 08:49:37 GMT"], 0),
        (["Sun, 06 Nov 1994 08:49:37 GMT"], 0),
        (["Wed, 24 Nov 9999 12:00:30 GMT"], 3600),
        (["5", "60"], 60),
        (["5, 60"], 60),
        (["garbage", "8"], 8),
        (["8, Tue"], 8),
        ([], None),
        ([""], None),
        ([" "], None),
        (["soon"], None),
        (["nan"], None),
        (["inf"], None),
        (["1e3"], None),
        (["0x10"], None),
        (["1_000"], None),
        (["٣"], None),
        (["60s"], None),
        (["--5"], None),
        (["Tue, 31 Feb 2026 12:00:30 GMT"], None),
        (["Tue, 24 Foo 2026 12:00:30 GMT"], None),
        (["Tue, 24 Nov 0000 12:00:30 GMT"], None),
        (["Tue, 24 Nov 2026 25:00:30 GMT"], None),
        (["Tue, 24 Nov 2026 12:00:30 PST"], None),
    ],
)
def test_each_form_has_its_wait(values: list[str], seconds: float | None) -> None:
    assert retry_after(values, now=NOW) == (None if seconds is None else timedelta(seconds=seconds))


@given(
    st.lists(st.text() | st.from_regex(r"[A-Z][a-z]{2,8}, ?\d\d[ -][A-Z][a-z]{2}[ -]\d{2,4} [\d:]{8} GMT"), max_size=3)
)
@example(["Mon, 00 Jan 0000 00:00:00 GMT"])
def test_no_value_raises_or_leaves_the_bounds(values: list[str]) -> None:
    wait = retry_after(values, now=NOW)

    assert wait is None or timedelta(0) <= wait <= LONGEST_WAIT


@given(st.integers(0, 3_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, tz=UTC)))
def test_the_three_forms_of_a_date_are_one_instant(at: datetime) -> None:
    forms = ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"]
    now = at - timedelta(minutes=5)

    assert {retry_after([at.strftime(form)], now=now) for form in forms} == {timedelta(minutes=5)}


def rate_of(**headers: str) -> tuple[httpx.Headers, RateHeaders]:
    fields = httpx.Headers({name.replace("_", "-"): value for name, value in headers.items()})
    return fields, RateHeaders.read(fields)


def test_ghl_headers_in_any_case_are_read() -> None:
    _, rate = rate_of(
        x_ratelimit_LIMIT_daily="200000",
        X_RateLimit_Daily_Remaining="199999",
        x_ratelimit_interval_milliseconds="10000",
        X_RATELIMIT_MAX="100",
        x_RateLimit_remaining=" 99 ",
    )

    assert rate == RateHeaders(
        limit=100, remaining=99, daily_limit=200_000, daily_remaining=199_999, window=timedelta(seconds=10)
    )


def test_calendly_headers_are_read() -> None:
    _, rate = rate_of(X_RateLimit_Limit="50", X_RateLimit_Remaining="0", X_RateLimit_Reset="60")

    assert rate == RateHeaders(limit=50, remaining=0, reset=timedelta(seconds=60))


@pytest.mark.parametrize("lie", ["", "-1", "many", "1e9", "NaN", "99999999999999999999", "5.5", "٣", "0x5"])
def test_a_value_that_makes_no_sense_is_as_if_missing(lie: str) -> None:
    fields = httpx.Headers([(b"X-RateLimit-Remaining", lie.encode())])

    assert RateHeaders.read(fields) == RateHeaders()


def test_the_more_restrictive_of_two_values_counts() -> None:
    fields = httpx.Headers([("X-RateLimit-Remaining", "7"), ("X-RateLimit-Remaining", "3")])

    assert RateHeaders.read(fields).remaining == 3


@given(st.lists(st.tuples(st.sampled_from(["X-RateLimit-Remaining", "X-RateLimit-Reset", "Retry-After"]), st.binary())))
def test_no_header_raises(fields: list[tuple[str, bytes]]) -> None:
    headers = httpx.Headers([(name.encode(), value) for name, value in fields])

    assert timedelta(0) <= wait_of(headers, RateHeaders.read(headers), now=NOW) <= LONGEST_WAIT


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry_After": "4", "X_RateLimit_Reset": "60"}, timedelta(seconds=4)),
        ({"Retry_After": "soon", "X_RateLimit_Reset": "60"}, timedelta(seconds=60)),
        ({"X_RateLimit_Interval_Milliseconds": "10000"}, timedelta(seconds=10)),
        ({"X_RateLimit_Daily_Remaining": "0", "X_RateLimit_Interval_Milliseconds": "10000"}, LONGEST_WAIT),
        ({"X_RateLimit_Daily_Remaining": "0", "X_RateLimit_Daily_Reset": "90000"}, timedelta(seconds=90)),
        ({"X_RateLimit_Daily_Remaining": "0", "X_RateLimit_Daily_Reset": "40000000"}, LONGEST_WAIT),
        ({"X_RateLimit_Daily_Remaining": "0", "X_RateLimit_Daily_Reset": "soon"}, LONGEST_WAIT),
        ({"X_RateLimit_Daily_Remaining": "5", "X_RateLimit_Daily_Reset": "90000"}, DEFAULT_WAIT),
        ({"X_RateLimit_Reset": "1900000000"}, DEFAULT_WAIT),
        ({"X_RateLimit_Reset": "86400"}, LONGEST_WAIT),
        ({}, DEFAULT_WAIT),
    ],
)
def test_a_429_is_waited_for_as_long_as_it_implies(headers: dict[str, str], wait: timedelta) -> None:
    fields, rate = rate_of(**headers)

    assert wait_of(fields, rate, now=NOW) == wait


@pytest.mark.parametrize(
    ("now", "wait"),
    [
        (datetime(2026, 11, 24, 23, 59, tzinfo=UTC), timedelta(minutes=1)),
        (datetime(2026, 11, 24, 22, 59, tzinfo=UTC), LONGEST_WAIT),
        (datetime(2026, 11, 25, 0, 59, tzinfo=timezone(timedelta(hours=1))), timedelta(minutes=1)),
    ],
)
def test_a_day_that_is_used_up_is_waited_for_until_it_ends(now: datetime, wait: timedelta) -> None:
    """Where the answer does not say when that is."""
    assert daily_wait(RateHeaders(daily_remaining=0), now=now) == wait
