"""What docs/kubernetes.md and NOTES.txt tell an operator to annotate is understood by the program."""

import re

import pytest

from reconcile.domain.coordination.annotation import ORDERS, OrderText, read_orders
from tests.chart.generated import CHART
from tests.use_cases import breaker_key

GUIDE = (CHART.parents[2] / "docs" / "kubernetes.md").read_text()
NOTES = (CHART / "templates" / "NOTES.txt").read_text()
TOLD = re.findall(r'(appointment-reconciler\.io/[a-z-]+)="([^"]+)"', GUIDE + NOTES)


@pytest.mark.parametrize(("key", "text"), sorted(set(TOLD)))
def test_an_order_is_understood(key: str, text: str) -> None:
    assert isinstance(read_orders({key: text})[key], OrderText)


def test_every_breaker_in_the_guide_is_one() -> None:
    named = re.findall(r"breaker=([a-z:]+)", GUIDE)

    assert named
    assert all(breaker_key(each) for each in named)


def test_annotations_that_are_named_are_the_programs() -> None:
    named = {
        f"appointment-reconciler.io/{name}"
        for name in re.findall(r"appointment-reconciler\\?\.io/([a-z-]+)-?[ =]", GUIDE)
    }

    assert {name.removesuffix("-") for name in named} <= set(ORDERS)
