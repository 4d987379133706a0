"""Tests that run only where somebody asks for them by their marker, because they need what other steps build."""

from pathlib import Path

import pytest


def skip_unless_asked(
    config: pytest.Config, items: list[pytest.Item], marker: str, *, folder: Path, reason: str
) -> None:
    """Skip the tests of *folder* that have *marker*, unless the run was started with it in ``-m``."""
    if marker in config.option.markexpr:
        return
    for item in items:
        if folder in item.path.parents and item.get_closest_marker(marker):
            item.add_marker(pytest.mark.skip(reason=reason))
