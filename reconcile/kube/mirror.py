"""The port ``StateMirror``: the blocking client in a thread, with time limits."""

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from queue import SimpleQueue
from typing import TypeVar

from reconcile.errors import MirrorUnavailable
from reconcile.kube.api import RIGHTS, KubernetesApi
from reconcile.kube.object_reference import ObjectReference
from reconcile.ports import Announcement, StateObject

SECONDS = 5.0
"""Time limit of one call. The first one imports the client, which takes seconds on a busy node."""

Result = TypeVar("Result")


class KubeMirror:
    """A state object; the client is created on the first read."""

    def __init__(self, target: ObjectReference, *, seconds: float = SECONDS) -> None:
        self.source = target.source
        self._api = KubernetesApi(target, seconds=seconds)
        self._worker = _Worker(seconds)

    async def read(self) -> StateObject:
        """Return the object as it is now."""
        return await self._worker.do(self._api.read)

    async def forbidden(self) -> Sequence[str]:
        """Return the rights that this process lacks; each needs one call."""
        return [right for each in RIGHTS if (right := await self._worker.do(partial(self._api.refusal, each)))]

    async def patch(self, annotations: Mapping[str, str | None], *, version: str) -> StateObject:
        """Set only these annotations; MirrorConflict if *version* is not the object's current one."""
        return await self._worker.do(lambda: self._api.patch(annotations, version))

    async def announce(self, announcement: Announcement) -> None:
        """Emit an event about the object."""
        await self._worker.do(lambda: self._api.announce(announcement))


class _Worker:
    """One thread that does not delay the exit of the process, unlike an executor's."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._jobs: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._thread: threading.Thread | None = None

    async def do(self, work: Callable[[], Result]) -> Result:
        """Run *work* in the thread after its earlier work, and wait for it with a time limit."""
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[Result] = loop.create_future()

        def job() -> None:
            if outcome.cancelled():
                return
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001 - raised where it is waited for
                _resolve(loop, outcome, outcome.set_exception, error)
            else:
                _resolve(loop, outcome, outcome.set_result, result)

        self._jobs.put(job)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="kubernetes", daemon=True)
            self._thread.start()
        try:
            async with asyncio.timeout(self._seconds):
                return await outcome
        except TimeoutError:
            raise MirrorUnavailable("the Kubernetes API did not answer in time") from None

    def _work(self) -> None:
        while True:
            self._jobs.get()()


def _resolve(
    loop: asyncio.AbstractEventLoop, outcome: "asyncio.Future[Result]", tell: Callable[..., None], what: object
) -> None:
    """Pass a result to the event loop, if it is still waiting for it."""

    def resolve() -> None:
        if not outcome.done():
            tell(what)

    try:
        loop.call_soon_threadsafe(resolve)
    except RuntimeError:
        return
