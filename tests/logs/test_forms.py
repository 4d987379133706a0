"""Levels and times of the forms that docs/verify.md lists, alone and wrapped."""

import io
from datetime import UTC, datetime, timedelta

import pytest

from reconcile.domain.verification.log_entry import LogEntry
from reconcile.logs import entries
from tests.logs.forms import FORMS, PAGE, Form, page
from tests.logs.wrappers import WRAPPERS

AT = datetime(2026, 3, 2, 9, 12, 0, 250000, tzinfo=UTC)
NEWEST = AT + timedelta(days=200)
OUTER = datetime(2026, 3, 2, 9, 13, 0, tzinfo=UTC)


def read(*lines: str) -> list[LogEntry]:
    return list(entries(io.BytesIO("\n".join(lines).encode()), name="x", newest=NEWEST))


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_form_is_read_alone(form: Form) -> None:
    found = read(form.text(form.error), form.text(form.other))

    assert [(each.is_error, each.has_level) for each in found] == [(True, True), (False, True)]
    at = found[0].at
    assert (None if at is None else at.replace(microsecond=0)) == (AT.replace(microsecond=0) if form.dated else None)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_form_is_read_in_every_wrapper(form: Form) -> None:
    misread = {}
    for name, wrap in WRAPPERS.items():
        found = read(wrap(form.text(form.error), OUTER), wrap(form.text(form.other), OUTER))
        facts = [(each.is_error, each.has_level, each.at) for each in found]
        if facts != [(True, True, OUTER), (False, True, OUTER)]:
            misread[name] = facts

    assert misread == {}


def test_the_table_in_the_docs_is_that_of_the_forms() -> None:
    """``python -m tests.logs.forms`` writes it."""
    assert PAGE.read_text() == page()
