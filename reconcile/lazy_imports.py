"""Loading modules without looking through them for garbage, while they are loaded and when the process ends."""

import atexit
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading() -> Iterator[None]:
    """Keep the garbage collector away from what the block loads: it stays, and looking takes a tenth of a start."""
    if not gc.isenabled():  # within another such block, or nobody wants a collector
        yield
        return
    known = len(sys.modules)
    gc.disable()
    try:
        yield
    finally:
        if len(sys.modules) > known:
            gc.freeze()  # no later look goes through it either
        gc.enable()


def leave_memory_to_the_system() -> None:
    """Let the process end without a last look for garbage through all that it holds: it takes a sixth of a start."""
    atexit.register(gc.freeze)
