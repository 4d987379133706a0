"""Attempts, deadlines, errors and what is told of them, over a transport that answers as it is told."""

import asyncio
import contextlib
import traceback
from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconcile.domain.ids import Operation
from reconcile.errors import ErrorClass, OutOfTime, ProviderError, ProviderRejected, ProviderUnavailable, RateLimited
from reconcile.providers.http.client import Call, Client, ProviderAttempt, RetryBudget
from reconcile.providers.http.origin import ForeignOriginError, address_of
from reconcile.providers.http.retry import RetryPolicy
from tests.providers.http.conftest import CALL, EMAIL, TOKEN, StillClock

FAR = 1_000_000.0
Make = Callable[..., Client]
Step = httpx.Response | Exception


class Scripted(httpx.AsyncBaseTransport):
    """Give one step of the script after another, the last one for ever."""

    def __init__(self, *steps: Step, lasting: float = 0.0, clock: StillClock | None = None) -> None:
        self._steps = list(steps)
        self._lasting = lasting
        self._clock = clock
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self._clock is not None:
            self._clock.at += self._lasting
        step = self._steps.pop(0) if len(self._steps) > 1 else self._steps[0]
        if isinstance(step, Exception):
            raise step
        return httpx.Response(step.status_code, headers=step.headers, stream=step.stream)


def answer(status: int, json: object = None, **headers: str) -> httpx.Response:
    return httpx.Response(status, json=json, headers={name.replace("_", "-"): value for name, value in headers.items()})


async def test_an_answer_is_decoded_and_its_limits_are_read(client: Make, attempts: list[ProviderAttempt]) -> None:
    over = Scripted(answer(200, {"event": {"id": "abc"}}, x_ratelimit_remaining="7"))

    reply = await client(over=over).ask(CALL, deadline=FAR)

    assert (reply.status, reply.is_success, reply.body) == (200, True, {"event": {"id": "abc"}})
    assert reply.rate.remaining == 7
    assert [(a.number, a.status, a.error_class, a.operation) for a in attempts] == [
        (1, 200, None, Operation.APPOINTMENT)
    ]


async def test_a_request_has_the_calls_values_and_the_token(client: Make) -> None:
    over = Scripted(answer(200, {}))
    call = Call(
        operation=Operation.CONTACT_SEARCH,
        method="POST",
        path="/contacts/search",
        query=[("a", "1"), ("a", "x y&z")],
        json={"email": EMAIL},
        headers={"Version": "2021-07-28"},
    )

    await client("https://services.example.com/v2/", over=over).ask(call, deadline=FAR)

    (request,) = over.requests
    assert address_of(request) == "https://services.example.com/v2/contacts/search?a=1&a=x%20y%26z"
    assert request.method == "POST"
    assert request.content == b'{"email":"canary@example.com"}'
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Version"] == "2021-07-28"
    assert request.headers["Authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    "value", ["a/b", "a?b", "a#b", "../x", "%2e%2e", "a\\b", "a\nb", "é", "\x00", "http://evil.example", "@x"]
)
async def test_a_path_value_stays_one_segment(client: Make, value: str) -> None:
    over = Scripted(answer(200, {}))
    call = Call(operation=Operation.APPOINTMENT, path="/a/{id}/b", path_params={"id": value})

    await client("https://services.example.com", over=over).ask(call, deadline=FAR)

    path = over.requests[0].extensions["target"]
    assert path.startswith(b"/a/")
    assert path.endswith(b"/b")
    assert path.count(b"/") == 3
    assert not {*b"?#\\\n "} & {*path}


@pytest.mark.parametrize("value", ["", ".", "..", "x" * 1025, "\ud800"])
async def test_a_value_that_no_path_can_hold_is_not_sent(
    client: Make, value: str, attempts: list[ProviderAttempt]
) -> None:
    over = Scripted(answer(200, {}))
    call = Call(operation=Operation.APPOINTMENT, path="/a/{id}", path_params={"id": value})
    with pytest.raises(ProviderRejected, match=r"^ghl cannot be called for appointment: "):
        await client(over=over).ask(call, deadline=FAR)

    assert not over.requests
    assert not attempts


async def test_a_body_that_is_no_text_is_not_sent(client: Make) -> None:
    over = Scripted(answer(200, {}))
    call = Call(operation=Operation.CONTACT_SEARCH, path="/a", method="POST", json={"email": "\ud800"})
    with pytest.raises(ProviderRejected):
        await client(over=over).ask(call, deadline=FAR)

    assert not over.requests


@pytest.mark.parametrize("status", [200, 201, 400, 404, 422])
async def test_answers_with_words_are_handed_to_the_adapter(client: Make, status: int) -> None:
    reply = await client(over=Scripted(answer(status, {"message": "Not found"}))).ask(CALL, deadline=FAR)

    assert (reply.status, reply.body) == (status, {"message": "Not found"})
    assert reply.message == ("" if status < 300 else "Not found")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"message": "a"}, "a"),
        ({"message": ["a", "b"]}, "a; b"),
        ({"message": ["a", 3]}, "a"),
        ({"message": "", "error": "b"}, "b"),
        ({"message": None, "detail": "c"}, "c"),
        ({"message": {"a": 1}}, ""),
        ({"message": []}, ""),
        (["message"], ""),
        (None, ""),
    ],
)
async def test_the_words_of_a_refusal_are_found(client: Make, body: object, message: str) -> None:
    reply = await client(
        over=Scripted(answer(404, body) if body is not None else httpx.Response(404, content=b"null"))
    ).ask(CALL, deadline=FAR)

    assert reply.message == message


@pytest.mark.parametrize("status", [204, 205])
async def test_an_answer_without_a_body_has_none(client: Make, status: int) -> None:
    assert (await client(over=Scripted(httpx.Response(status))).ask(CALL, deadline=FAR)).body is None


def says(status: int, more: str = "") -> str:
    return f"ghl answered {status} to appointment{more}"


PAGE = f"<p>{EMAIL}"
NO_JSON = " with a body that is not JSON"
AWAY, REFUSED = ProviderUnavailable, ProviderRejected


@pytest.mark.parametrize(
    ("step", "kind", "error_class", "status", "message", "requests"),
    [
        (answer(401, {"message": EMAIL}), REFUSED, ErrorClass.CREDENTIAL, 401, says(401), 1),
        (httpx.Response(401, text=EMAIL), REFUSED, ErrorClass.CREDENTIAL, 401, says(401), 1),
        (answer(401, {"message": "Command timed out"}), AWAY, ErrorClass.UNAVAILABLE, 401, says(401), 3),
        (answer(403, {"message": EMAIL}), REFUSED, ErrorClass.CREDENTIAL, 403, says(403), 1),
        (answer(409), REFUSED, ErrorClass.REJECTED, 409, says(409), 1),
        (answer(302, location="https://evil.example"), REFUSED, ErrorClass.REJECTED, 302, says(302), 1),
        (answer(999), REFUSED, ErrorClass.REJECTED, 999, says(999), 1),
        (answer(424), AWAY, ErrorClass.UNAVAILABLE, 424, says(424), 3),
        (httpx.Response(503, html=PAGE), AWAY, ErrorClass.UNAVAILABLE, 503, says(503), 3),
        (httpx.Response(200, html=PAGE), AWAY, ErrorClass.UNDECODABLE, 200, says(200, NO_JSON), 2),
        (httpx.Response(404, html=PAGE), AWAY, ErrorClass.UNDECODABLE, 404, says(404, NO_JSON), 2),
        (httpx.ConnectTimeout(EMAIL), AWAY, ErrorClass.TIMEOUT, None, "ghl did not answer appointment in time", 3),
        (httpx.ConnectError(EMAIL), AWAY, ErrorClass.TRANSPORT, None, "ghl could not be reached for appointment", 3),
        (
            httpx.ReadError(EMAIL),
            AWAY,
            ErrorClass.TRANSPORT,
            None,
            "the connection to ghl was lost during appointment",
            3,
        ),
        (
            httpx.RemoteProtocolError(EMAIL),
            AWAY,
            ErrorClass.TRANSPORT,
            None,
            "ghl did not answer appointment with HTTP",
            3,
        ),
        (
            ForeignOriginError(EMAIL),
            REFUSED,
            ErrorClass.REJECTED,
            None,
            "appointment was not sent, because its address is not ghl's",
            1,
        ),
        (answer(429), RateLimited, ErrorClass.RATE_LIMITED, 429, says(429), 1),
    ],
)
async def test_each_failure_is_one_error_that_shows_nothing(
    client: Make,
    attempts: list[ProviderAttempt],
    step: Step,
    kind: type[ProviderError],
    error_class: ErrorClass,
    status: int | None,
    message: str,
    requests: int,
) -> None:
    over = Scripted(step)
    with pytest.raises(kind) as raised:
        await client(over=over).ask(CALL, deadline=FAR)

    error = raised.value
    assert (str(error), error.error_class, error.status) == (message, error_class, status)
    assert (error.provider, error.operation) == ("ghl", "appointment")
    assert len(over.requests) == requests
    assert error.__context__ is None
    shown = "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error)) + repr(attempts)
    assert EMAIL not in shown
    assert TOKEN not in shown


async def test_every_attempt_is_observed(client: Make, attempts: list[ProviderAttempt], clock: StillClock) -> None:
    over = Scripted(httpx.ConnectError("x"), answer(503), answer(200, {}), lasting=0.25, clock=clock)

    await client(over=over).ask(CALL, deadline=FAR)

    assert [(a.number, a.status, a.error_class) for a in attempts] == [
        (1, None, ErrorClass.TRANSPORT),
        (2, 503, ErrorClass.UNAVAILABLE),
        (3, 200, None),
    ]
    assert {a.duration for a in attempts} == {timedelta(seconds=0.25)}
    assert clock.slept == [timedelta(seconds=0.125), timedelta(seconds=0.25)]


async def test_a_probe_makes_one_attempt(client: Make) -> None:
    over = Scripted(answer(503))
    probe = Call(operation=Operation.APPOINTMENT, path="/a", attempts=1)
    with pytest.raises(ProviderUnavailable):
        await client(over=over).ask(probe, deadline=FAR)

    assert len(over.requests) == 1


async def test_an_outage_cannot_multiply_the_traffic(client: Make) -> None:
    over = Scripted(answer(503))
    asking = client(over=over, budget=RetryBudget())
    for _ in range(200):
        with pytest.raises(ProviderUnavailable):
            await asking.ask(CALL, deadline=FAR)

    assert len(over.requests) <= 1.1 * 200


async def test_a_provider_with_a_response_gets_retries(client: Make) -> None:
    over = Scripted(answer(200, {"a": 1}), answer(503), answer(200, {"a": 1}))
    asking = client(over=over, budget=RetryBudget())
    for _ in range(2):
        await asking.ask(CALL, deadline=FAR)

    assert len(over.requests) == 3


async def test_a_few_calls_to_a_silent_provider_are_made_once_each(client: Make) -> None:
    over = Scripted(answer(503))
    asking = client(over=over, budget=RetryBudget())
    for _ in range(3):
        with pytest.raises(ProviderUnavailable):
            await asking.ask(CALL, deadline=FAR)

    assert len(over.requests) == 3


async def test_a_short_retry_after_is_waited_for_once(client: Make, clock: StillClock) -> None:
    over = Scripted(answer(429, retry_after="1.5"), answer(200, {"a": 1}))

    assert (await client(over=over).ask(CALL, deadline=FAR)).body == {"a": 1}
    assert clock.slept == [timedelta(seconds=1.625)]


@pytest.mark.parametrize(
    ("headers", "wait", "requests"),
    [
        ({"retry_after": "1.5"}, 1.5, 2),
        ({"retry_after": "3"}, 3, 1),
        ({"retry_after": "Tue, 24 Nov 2026 12:01:00 GMT"}, 60, 1),
        ({"x_ratelimit_reset": "42"}, 42, 1),
        ({"retry_after": "86400"}, 3600, 1),
    ],
)
async def test_a_429_has_its_wait(client: Make, headers: dict[str, str], wait: float, requests: int) -> None:
    over = Scripted(answer(429, **headers))
    with pytest.raises(RateLimited) as raised:
        await client(over=over).ask(CALL, deadline=FAR)

    assert raised.value.retry_after == timedelta(seconds=wait)
    assert len(over.requests) == requests


async def test_nothing_is_slept_past_the_deadline(client: Make, clock: StillClock) -> None:
    over = Scripted(answer(429, retry_after="2"))
    with pytest.raises(RateLimited):
        await client(over=over).ask(CALL, deadline=clock.at + 3)

    assert not clock.slept


async def test_no_time_left_is_not_the_providers_fault(
    client: Make, clock: StillClock, attempts: list[ProviderAttempt]
) -> None:
    over = Scripted(answer(200, {}))
    with pytest.raises(
        OutOfTime, match=r"^the run reached its time limit before ghl could answer appointment$"
    ) as raised:
        await client(over=over).ask(CALL, deadline=clock.at)

    assert raised.value.error_class is ErrorClass.TIMEOUT
    assert not over.requests
    assert not attempts


class Silent(httpx.AsyncBaseTransport):
    """Never answers."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError


async def test_an_attempt_that_lasts_too_long_is_a_timeout(client: Make) -> None:
    policy = RetryPolicy(attempt_timeout=timedelta(milliseconds=20), attempts=2)
    with pytest.raises(ProviderUnavailable, match=r"^ghl did not answer appointment in time$") as raised:
        await client(over=Silent(), policy=policy).ask(CALL, deadline=FAR)

    assert raised.value.error_class is ErrorClass.TIMEOUT


async def test_an_attempt_ended_by_the_runs_deadline_counts_against_no_party(
    client: Make, clock: StillClock, attempts: list[ProviderAttempt]
) -> None:
    with pytest.raises(OutOfTime):
        await client(over=Silent()).ask(CALL, deadline=clock.at + 0.02)

    assert [a.error_class for a in attempts] == [ErrorClass.TIMEOUT]


async def test_an_earlier_attempts_failure_outranks_the_deadline(
    client: Make, clock: StillClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def oversleep(duration: timedelta) -> None:
        clock.at += 60

    monkeypatch.setattr(clock, "sleep", oversleep)
    over = Scripted(answer(503))
    with pytest.raises(ProviderUnavailable, match=r"^ghl answered 503 to appointment$"):
        await client(over=over).ask(CALL, deadline=clock.at + 30)

    assert len(over.requests) == 1


async def test_cancelling_is_not_an_error_of_the_provider(client: Make, attempts: list[ProviderAttempt]) -> None:
    task = asyncio.create_task(client(over=Silent()).ask(CALL, deadline=FAR))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert [(a.status, a.error_class) for a in attempts] == [(None, None)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    status=st.integers(100, 599),
    body=st.binary(max_size=50) | st.sampled_from([b"{}", b"null", b'{"message": "not found"}']),
    headers=st.lists(
        st.tuples(
            st.sampled_from(["Retry-After", "Content-Encoding", "X-RateLimit-Reset", "X-RateLimit-Remaining"]),
            st.binary(max_size=9),
        ),
        max_size=3,
    ),
)
async def test_any_response_becomes_a_reply_or_a_provider_error(
    client: Make, status: int, body: bytes, headers: list[tuple[str, bytes]]
) -> None:
    fields = [(name.encode(), value) for name, value in headers]
    over = Scripted(httpx.Response(status, headers=fields, stream=httpx.ByteStream(body)))
    seen: int | None = None
    with contextlib.suppress(ProviderError):
        seen = (await client(over=over).ask(CALL, deadline=FAR)).status

    assert seen in {None, status}
    assert status in {400, 404, 422, *range(200, 300)} or seen is None
