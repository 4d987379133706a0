"""Threads that a process does not wait for at exit."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any


class DaemonThreads(ThreadPoolExecutor):
    """Executor for name resolution: an unanswered query must not delay the exit.

    The library's own executor is joined at the end of the loop and again at the interpreter's.
    """

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":  # noqa: ANN401
        """Start *fn* in a separate thread."""
        outcome: Future[Any] = Future()

        def work() -> None:
            if not outcome.set_running_or_notify_cancel():
                return
            try:
                outcome.set_result(fn(*args, **kwargs))
            except BaseException as error:  # noqa: BLE001 - raised where it is waited for
                outcome.set_exception(error)

        threading.Thread(target=work, daemon=True).start()
        return outcome

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002
        """Do not wait."""
