"""Names a bug for logs, signatures and alerts."""

import traceback
from pathlib import Path


def bug_named(error: BaseException) -> str:
    """Return a bug's type and place, without its text, which may hold personal data."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return type(error).__name__
    return f"{type(error).__name__} in {frames[-1].name} at {Path(frames[-1].filename).name}:{frames[-1].lineno}"
