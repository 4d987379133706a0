"""A value of the chart becomes the variable that it is named for: two that change places are found without Helm."""

import re
from collections import Counter

import pytest

from tests.chart.test_values import GIVEN, TEXT

PREFIX = "RECONCILE_"


def as_variable(name: str) -> str:
    """Return a value's own name, without those of its groups, as a variable spells it."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.rpartition(".")[2]).upper()


@pytest.mark.parametrize("env", sorted(GIVEN))
def test_a_variable_is_given_the_value_of_its_name(env: str) -> None:
    assert env.removeprefix(PREFIX).endswith(as_variable(GIVEN[env]))


def test_no_variable_is_given_twice_and_no_value_to_two() -> None:
    given = re.findall(r"^(RECONCILE_[A-Z_]+): \{\{ \$v\.([A-Za-z.]+)", TEXT, re.MULTILINE)
    names, values = (Counter(each[place] for each in given) for place in (0, 1))

    assert [name for name, count in (names + values).items() if count > 1] == []
