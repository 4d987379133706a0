"""The values that other tests fill: no default in them, and nothing twice."""

from dataclasses import MISSING, fields
from typing import Any

import pytest

from reconcile.domain.alert import Alert
from reconcile.domain.breaker.breaker import Breaker
from reconcile.domain.run.report import RunReport
from reconcile.kube.job import JobPlan
from reconcile.ports import Telemetry
from tests.distinct_values import filled, names_of, with_another
from tests.use_cases import Dependencies, RunRequest

KINDS = (RunRequest, JobPlan, RunReport, Breaker, Alert)


@pytest.mark.parametrize("kind", KINDS)
def test_no_field_is_left_at_its_default(kind: type) -> None:
    value: Any = filled(kind)
    defaults = {
        each.name: each.default if each.default_factory is MISSING else each.default_factory() for each in fields(kind)
    }

    assert [name for name, default in defaults.items() if getattr(value, name) == default] == []


@pytest.mark.parametrize("kind", KINDS)
def test_no_text_or_number_stands_in_two_fields(kind: type) -> None:
    value: Any = filled(kind)
    plain = [found for name in names_of(kind) if type(found := getattr(value, name)) in {str, int, float}]

    assert len(plain) == len(set(plain))


@pytest.mark.parametrize("kind", KINDS)
def test_one_field_can_be_made_another(kind: type) -> None:
    value: Any = filled(kind)
    for name in names_of(kind):
        other = with_another(value, name)

        assert [each for each in names_of(kind) if getattr(other, each) != getattr(value, each)] == [name]


def test_what_nobody_knows_how_to_make_has_to_be_given() -> None:
    with pytest.raises(TypeError, match="must be given"):
        filled(Dependencies, telemetry=Telemetry)
    with pytest.raises(TypeError, match="RunRequest has no limit"):
        filled(RunRequest, limit=1)
