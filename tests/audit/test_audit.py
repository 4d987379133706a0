"""An audit that could not ask is not taken for a clean one."""

import pytest

from tests.audit.__main__ import UNANSWERED, judged

SOUND = {"name": "a", "version": "1", "vulns": []}
BAD = {"name": "b", "version": "2", "vulns": [{"id": "CVE-2025-1", "fix_versions": ["3"]}]}
UNKNOWN = {"name": "c", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("packages", "code"),
    [
        ([SOUND], 0),
        ([SOUND, BAD, UNKNOWN], 1),
        ([SOUND, UNKNOWN], UNANSWERED),
        ([UNKNOWN], UNANSWERED),
        ([], UNANSWERED),
    ],
)
def test_the_worst_of_the_answers_counts(packages, code: int) -> None:
    assert judged("requirements.lock", packages) == code


def test_what_is_vulnerable_is_named_with_what_mends_it(capsys: pytest.CaptureFixture[str]) -> None:
    judged("requirements.lock", [SOUND, BAD])

    said = capsys.readouterr().out
    assert "requirements.lock: b 2: CVE-2025-1 (mended in 3)" in said
    assert "2 of 2 packages were asked about, 1 have known vulnerabilities" in said
