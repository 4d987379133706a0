"""Writes gauges in OpenMetrics' text format, with Prometheus' client library."""

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from reconcile.domain.views.gauge import Gauge

CONTENT_TYPE = CONTENT_TYPE_LATEST


class _Gauges(Collector):
    def __init__(self, gauges: Iterable[Gauge]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for gauge in self._gauges:
            labels = [name for name, _ in next(iter(gauge.values), ())]
            family = GaugeMetricFamily(gauge.name, gauge.help, labels=labels)
            for pairs, value in gauge.values.items():
                family.add_metric([text for _, text in pairs], value)
            yield family


def openmetrics(gauges: Iterable[Gauge]) -> str:
    """Return the document for Prometheus."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Gauges(tuple(gauges)))
    text: bytes = generate_latest(registry)  # type: ignore[no-untyped-call]
    return text.decode()
