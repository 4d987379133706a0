"""A bug's name for logs, signatures and alerts."""

import traceback
from pathlib import Path


def bug_named(error: BaseException) -> str:
    """Name a bug by its type and place: its text may hold anything."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return type(error).__name__
    return f"{type(error).__name__} in {frames[-1].name} at {Path(frames[-1].filename).name}:{frames[-1].lineno}"
