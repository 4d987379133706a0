"""Tokens of workspaces from a directory of mounted secrets: flat files, as a Kubernetes Secret has its keys."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from reconcile.domain.credential import Token
from reconcile.domain.ids import ProviderName, WorkspaceId
from reconcile.errors import SettingsError
from reconcile.secret_files import small_text

MAX_TOKEN_BYTES = 16 * 1024

# The characters of a Secret's key, and no leading dot: such a name cannot leave the directory, nor be `..data`.
_SAFE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}", re.ASCII)


@dataclass(frozen=True, slots=True)
class CredentialDirectory:
    """A directory that holds ``<workspace id>.ghl`` and ``<workspace id>.calendly``, a token each.

    It is read anew for each workspace, as Kubernetes replaces the files of a changed Secret under a running process.
    """

    path: Path

    def faults(self) -> tuple[str, ...]:
        """Return what keeps the directory as a whole from being read; nothing is said of single files."""
        try:
            next(self.path.iterdir(), None)
        except FileNotFoundError:
            return (f"the credentials directory {self.path} does not exist; mount it or correct the path",)
        except OSError as error:
            return (
                f"the credentials directory {self.path} cannot be read ({error.strerror}); correct its permissions",
            )
        return ()

    def of(self, workspace_id: WorkspaceId) -> tuple[Mapping[ProviderName, Token], tuple[str, ...]]:
        """Return the workspace's tokens, and a sentence for each file that is there and cannot be used.

        A sentence names the file, never what is in it. A file that is not there is no fault: few workspaces use both
        providers.
        """
        if not _SAFE.fullmatch(workspace_id):
            shown = ascii(workspace_id[:60])
            return {}, (f"no file can be named after workspace {shown}; keep its tokens in the database's own columns",)
        tokens: dict[ProviderName, Token] = {}
        faults: list[str] = []
        for provider in ProviderName:
            file = self.path / f"{workspace_id}.{provider}"
            try:
                # A link whose target is gone is a fault, a name that is not there is none.
                if not file.is_symlink() and not file.exists():
                    continue
                tokens[provider] = Token.parse(small_text(file, limit=MAX_TOKEN_BYTES), where=f"credential file {file}")
            except (OSError, ValueError) as error:
                clause = f"cannot be looked at ({error.strerror})" if isinstance(error, OSError) else str(error)
                faults.append(f"credential file {file} {clause}")
            except SettingsError as error:
                faults.extend(error.faults)
        return tokens, tuple(faults)
