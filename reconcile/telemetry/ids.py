"""The ids of a run's trace, derived from the run's id, so that runs can link to each other without stored ids."""

import hashlib
import random

from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import SpanContext, TraceFlags

from reconcile.domain.ids import RunId


def root_of(run_id: RunId) -> SpanContext:
    """Return the context of a run's root span."""
    digest = hashlib.sha256(run_id.encode()).digest()
    return SpanContext(
        trace_id=int.from_bytes(digest[:16]),
        span_id=int.from_bytes(digest[16:24]),
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )


class RunIds(IdGenerator):
    """Generates the derived ids for a run's trace and root span, and random ones for other spans."""

    def __init__(self, run_id: RunId) -> None:
        self._root = root_of(run_id)
        self._is_begun = False
        self._random = random.Random()

    def generate_span_id(self) -> int:
        """Return the root's id once, then random ones."""
        if self._is_begun:
            return self._random.getrandbits(64) or 1
        self._is_begun = True
        return self._root.span_id

    def generate_trace_id(self) -> int:
        """Return the run's trace id for every trace."""
        return self._root.trace_id

    def is_trace_id_random(self) -> bool:
        """Return true: a digest is random enough for samplers."""
        return True
