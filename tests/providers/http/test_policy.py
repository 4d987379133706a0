"""The status table, whole."""

import pytest

from reconcile.providers.http.status_policy import Verdict, has_words, verdict

SPECIAL = {
    400: Verdict.ANSWERED,
    401: Verdict.CREDENTIAL,
    403: Verdict.CREDENTIAL,
    404: Verdict.ANSWERED,
    408: Verdict.UNAVAILABLE,
    422: Verdict.ANSWERED,
    424: Verdict.UNAVAILABLE,
    425: Verdict.UNAVAILABLE,
    429: Verdict.RATE_LIMITED,
}
CLASSES = {
    1: Verdict.REJECTED,
    2: Verdict.ANSWERED,
    3: Verdict.REJECTED,
    4: Verdict.REJECTED,
    5: Verdict.UNAVAILABLE,
}


@pytest.mark.parametrize("status", range(100, 600))
def test_every_status_has_its_meaning(status: int) -> None:
    assert verdict(status) is SPECIAL.get(status, CLASSES[status // 100])


@pytest.mark.parametrize("status", [0, 1, 99, 600, 700, 999, 1000, -1])
def test_a_status_that_does_not_exist_is_never_an_answer(status: int) -> None:
    assert verdict(status) is Verdict.REJECTED


@pytest.mark.parametrize("message", ["Command timed out", "command timed out", "Error: Command timed out."])
def test_a_401_that_means_a_slow_query_is_transient(message: str) -> None:
    assert verdict(401, message) is Verdict.UNAVAILABLE


@pytest.mark.parametrize("status", [400, 403, 404, 500, 200])
def test_those_words_change_nothing_on_another_status(status: int) -> None:
    assert verdict(status, "Command timed out") is verdict(status)


@pytest.mark.parametrize("message", ["", "Invalid JWT", "Invalid token"])
def test_any_other_401_blames_the_credential(message: str) -> None:
    assert verdict(401, message) is Verdict.CREDENTIAL


@pytest.mark.parametrize("message", ["version header was not found.", "version header is invalid"])
def test_a_401_about_the_version_is_the_requests_fault(message: str) -> None:
    """The token of a workspace is not to blame for what this program sends."""
    assert verdict(401, message) is Verdict.ANSWERED
    assert verdict(403, message) is Verdict.CREDENTIAL


def test_error_pages_of_servers_are_never_read() -> None:
    assert [status for status in range(300, 600) if has_words(status)] == [400, 401, 403, 404, 422]
