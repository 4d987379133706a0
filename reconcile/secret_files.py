"""Reads one small file that Kubernetes mounts as a secret: one value, possibly through a symbolic link."""

import stat
from pathlib import Path

MAX_BYTES = 64 * 1024


def small_text(path: Path, *, limit: int = MAX_BYTES) -> str:
    """Return the text of a mounted file; a ValueError's clause says what is wrong, and the remedy."""
    try:
        is_regular = stat.S_ISREG(path.stat().st_mode)
        content = _head(path, limit + 1) if is_regular else b""
    except FileNotFoundError:
        raise ValueError("does not exist; mount it or correct the path") from None
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror}); correct the path or its permissions") from None
    if not is_regular:
        raise ValueError("is not a regular file; mount the secret as one")
    if len(content) > limit:
        raise ValueError(f"is larger than {limit // 1024} KiB; that cannot be the intended file")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8 text; write the value as plain text") from None


def _head(path: Path, count: int) -> bytes:
    with path.open("rb") as file:
        return file.read(count)
