"""The status table, whole."""

import pytest

from reconcile.providers.http.status_policy import ResponseClass, classify_status, has_words

SPECIAL = {
    400: ResponseClass.ANSWERED,
    401: ResponseClass.CREDENTIAL,
    403: ResponseClass.CREDENTIAL,
    404: ResponseClass.ANSWERED,
    408: ResponseClass.UNAVAILABLE,
    422: ResponseClass.ANSWERED,
    424: ResponseClass.UNAVAILABLE,
    425: ResponseClass.UNAVAILABLE,
    429: ResponseClass.RATE_LIMITED,
}
CLASSES = {
    1: ResponseClass.REJECTED,
    2: ResponseClass.ANSWERED,
    3: ResponseClass.REJECTED,
    4: ResponseClass.REJECTED,
    5: ResponseClass.UNAVAILABLE,
}


def test_every_status_has_its_meaning() -> None:
    found = {status: classify_status(status) for status in range(100, 600)}

    assert found == {status: SPECIAL.get(status, CLASSES[status // 100]) for status in found}


@pytest.mark.parametrize("status", [0, 1, 99, 600, 700, 999, 1000, -1])
def test_a_status_that_does_not_exist_is_never_an_answer(status: int) -> None:
    assert classify_status(status) is ResponseClass.REJECTED


@pytest.mark.parametrize("message", ["Command timed out", "command timed out", "Error: Command timed out."])
def test_a_401_that_means_a_slow_query_is_transient(message: str) -> None:
    assert classify_status(401, message) is ResponseClass.UNAVAILABLE


@pytest.mark.parametrize("status", [400, 403, 404, 500, 200])
def test_those_words_change_nothing_on_another_status(status: int) -> None:
    assert classify_status(status, "Command timed out") is classify_status(status)


@pytest.mark.parametrize("message", ["", "Invalid JWT", "Invalid token"])
def test_any_other_401_counts_against_the_credential(message: str) -> None:
    assert classify_status(401, message) is ResponseClass.CREDENTIAL


@pytest.mark.parametrize("message", ["version header was not found.", "version header is invalid"])
def test_a_401_about_the_version_is_the_requests_fault(message: str) -> None:
    """The token of a workspace is not to blame for what this program sends."""
    assert classify_status(401, message) is ResponseClass.ANSWERED
    assert classify_status(403, message) is ResponseClass.CREDENTIAL


def test_error_pages_of_servers_are_never_read() -> None:
    assert [status for status in range(300, 600) if has_words(status)] == [400, 401, 403, 404, 422]
