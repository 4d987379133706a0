"""Workspaces' tokens from a directory of mounted secrets: flat files, like the keys of a Kubernetes Secret."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from reconcile.domain.credential import Token
from reconcile.domain.ids import ProviderName, WorkspaceId
from reconcile.errors import SettingsError
from reconcile.secret_files import small_text

MAX_TOKEN_BYTES = 16 * 1024

# The characters of a Secret's key, without a leading dot: such a name cannot leave the directory or be `..data`.
_SAFE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}", re.ASCII)


@dataclass(frozen=True, slots=True)
class CredentialDirectory:
    """A directory with files ``<workspace id>.ghl`` and ``<workspace id>.calendly``, one token each.

    Files are read for each workspace, because Kubernetes replaces the files of a changed Secret in a running pod.
    """

    path: Path

    def faults(self) -> tuple[str, ...]:
        """Return why the directory as a whole cannot be read, or None; single files are not checked."""
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
        """Return the workspace's tokens, and a sentence for each existing file that cannot be used.

        A sentence names the file, never its content. A missing file is not a fault, because few workspaces use both
        providers.
        """
        if not _SAFE.fullmatch(workspace_id):
            printable = ascii(workspace_id[:60])
            return {}, (f"no file can have the name of workspace {printable}; keep its tokens in the database",)
        tokens: dict[ProviderName, Token] = {}
        faults: list[str] = []
        for provider in ProviderName:
            file = self.path / f"{workspace_id}.{provider}"
            try:
                # a broken link is a fault; a missing file is not
                if not file.is_symlink() and not file.exists():
                    continue
                tokens[provider] = Token.parse(small_text(file, limit=MAX_TOKEN_BYTES), where=f"credential file {file}")
            except (OSError, ValueError) as error:
                clause = f"cannot be read ({error.strerror})" if isinstance(error, OSError) else str(error)
                faults.append(f"credential file {file} {clause}")
            except SettingsError as error:
                faults.extend(error.faults)
        return tokens, tuple(faults)
