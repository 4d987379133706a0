"""The CronJobs that tests of printed Jobs use are those that the chart renders."""

import pytest

from tests.chart import tools
from tests.chart.generated import CHART
from tests.kube.stored_cronjobs import CRONJOBS, stored

pytestmark = pytest.mark.chart


@pytest.mark.parametrize("name", CRONJOBS)
def test_a_stored_cronjob_is_the_charts(name: str) -> None:
    assert stored(name) == tools.schedule(CHART / "ci" / f"{name}-values.yaml"), "python -m tests.chart.tools"
