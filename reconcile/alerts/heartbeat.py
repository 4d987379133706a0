"""A heartbeat by HTTP, as healthchecks.io defines it (https://healthchecks.io/docs/http_api/)."""

from urllib.parse import urlencode, urlsplit, urlunsplit
from uuid import NAMESPACE_URL, uuid5

import orjson

from reconcile.alerts.post import Post
from reconcile.domain.ids import RunId
from reconcile.ports import HeartbeatSignal

_SUFFIXES = {HeartbeatSignal.START: "/start", HeartbeatSignal.SUCCESS: "", HeartbeatSignal.FAILURE: "/fail"}


class PingUrl:
    """One ping URL: it signals success, with ``/start`` a start and with ``/fail`` a failure. Any 2xx confirms.

    ``rid`` tells the service which start belongs to which end; it requires a UUID. A query of the URL is kept.
    """

    def __init__(self, url: str, *, post: Post) -> None:
        self._parts = urlsplit(url)
        self._post = post

    async def send(self, signal: HeartbeatSignal, *, run_id: RunId, deadline: float) -> None:
        """Post *signal* with the run's id as its body, which the service shows beside it."""
        query = urlencode({"rid": uuid5(NAMESPACE_URL, run_id)})
        parts = self._parts._replace(
            path=self._parts.path.rstrip("/") + _SUFFIXES[signal],
            query="&".join(each for each in (self._parts.query, query) if each),
        )
        content = orjson.dumps({"runId": run_id, "signal": signal})
        await self._post.send(urlunsplit(parts), content, deadline=deadline)
