"""Imported before a command, or run in its place: as much time for the Kubernetes API as a slow machine needs.

Its own five seconds include the loading of the client, which alone takes longer on a machine under load.
"""

from functools import partialmethod
from typing import Any

from reconcile.kube.mirror import KubeMirror
from reconcile_cli.main import cli
from tests.timeouts import HUNG
from tests.use_cases import Mirror


async def _in_its_own_time(self: Mirror, doing: Any, **_: object) -> Any:
    return await self._attempt(doing)


KubeMirror.__init__ = partialmethod(KubeMirror.__init__, seconds=HUNG)  # type: ignore[method-assign, assignment]
Mirror._in_time = _in_its_own_time  # type: ignore[method-assign]

if __name__ == "__main__":
    cli(prog_name="reconcile")
