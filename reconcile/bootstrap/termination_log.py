"""The container's termination message, which Kubernetes shows in the pod's status."""

import os
from contextlib import suppress
from pathlib import Path

PATH = Path("/dev/termination-log")
"""The default path in a pod; elsewhere the file does not exist and is not created."""


def leave(text: str) -> None:
    """Write *text* to the termination log, if it exists."""
    with suppress(OSError):
        descriptor = os.open(PATH, os.O_WRONLY | os.O_TRUNC)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
