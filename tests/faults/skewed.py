"""A prefix for a command, by a wrong clock: ``python -m tests.faults.skewed SECONDS`` before the command itself."""

import sys
from datetime import UTC, datetime, timedelta

from reconcile import bootstrap
from reconcile_cli.main import cli

_OWN = 5
"""Words before the command's own: this program, the skew, and whom it stands in for."""


def main() -> None:
    """Run the command with its clock wrong by so many seconds."""
    skew = timedelta(seconds=float(sys.argv[1]))

    class Skewed(bootstrap.SystemClock):
        def now(self) -> datetime:
            return datetime.now(UTC) + skew

    bootstrap.SystemClock = Skewed  # type: ignore[misc]
    cli(sys.argv[_OWN:], prog_name="reconcile")


if __name__ == "__main__":
    main()
