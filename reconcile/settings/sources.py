"""Reads a setting's text from a variable or from a file that it names, and collects all faults."""

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from difflib import get_close_matches
from pathlib import Path

from reconcile.secret_files import small_text
from reconcile.settings.kinds import SettingKind

FILE_SUFFIX = "_FILE"
SHOWN_CHARACTERS = 60

_NOT_OURS = re.compile(r"TEST_.*|SERVICE_(HOST|PORT(_.*)?)|PORT(_\d+_(TCP|UDP)(_.*)?)?")
"""Suffixes that are not settings: the test suite's own, and service links of Kubernetes for a Service ``reconcile``."""


class SettingSource:
    """An environment, read once; collects faults instead of raising them."""

    def __init__(self, env: Mapping[str, str], *, prefix: str, known: AbstractSet[str]) -> None:
        self._env = {name: text for name, text in env.items() if name.startswith(prefix)}
        self._prefix = prefix
        self._known = known
        self._faults: list[str] = []

    def value(self, name: str, *, kind: SettingKind[object], default: object) -> object:
        """Return the value of the variable *name*, of the file that ``<name>_FILE`` names, or *default*."""
        text, path = self._env.get(name), self._env.get(name + FILE_SUFFIX)
        if text == "" and default is None:
            text = None
        if text is not None and path is not None:
            self._faults.append(f"{name} and {name}{FILE_SUFFIX} are both set; unset one of them")
            return _UNREADABLE
        if path is not None:
            return self._from_file(name, path, kind=kind)
        return default if text is None else self.parsed(name, text, kind=kind)

    def parsed(self, name: str, value: object, *, kind: SettingKind[object]) -> object:
        """Return *value* parsed by *kind*; a value that is not text was parsed before."""
        if not isinstance(value, str):
            return value
        try:
            return kind.read(value)
        except ValueError as error:
            # an "@" suggests a password or a mail address in the wrong variable
            is_shown = not kind.is_secret and "@" not in value
            self._faults.append(f"{name} {error}" + (f", not {_quote(value)}" if is_shown else ""))
            return _UNREADABLE

    def forgive(self, name: str) -> None:
        """Ignore the variable *name*, because a flag was given."""
        self._env.pop(name, None)
        self._env.pop(name + FILE_SUFFIX, None)

    def faults(self) -> list[str]:
        """Return the faults of known variables."""
        return list(self._faults)

    def unknown(self) -> list[str]:
        """Return a sentence for each variable that is not a setting."""
        known = self._known | {name + FILE_SUFFIX for name in self._known}
        unknown = [
            name for name in self._env if name not in known and not _NOT_OURS.fullmatch(name.removeprefix(self._prefix))
        ]
        return [self._unknown(name) for name in sorted(unknown)]

    def _from_file(self, name: str, path: str, *, kind: SettingKind[object]) -> object:
        # the path may be the secret itself by mistake, so it is not printed
        file = f"the file that {name}{FILE_SUFFIX} names" + ("" if kind.is_secret else f", {_quote(path)},")
        try:
            text = re.sub(r"\r?\n\Z", "", small_text(Path(path)))
        except ValueError as error:
            self._faults.append(f"{file} {error}")
            return _UNREADABLE
        try:
            return kind.read(text)
        except ValueError as error:
            self._faults.append(f"{name}, read from {file}, {error}")
            return _UNREADABLE

    def _unknown(self, name: str) -> str:
        near = get_close_matches(name, self._known, n=1, cutoff=0.75)
        remedy = f"did you mean {near[0]}?" if near else "unset it; the settings are listed by `reconcile run --help`"
        return f"{_clean(name)} is not a setting; {remedy}"


def _quote(text: str) -> str:
    return repr(text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…")


def _clean(name: str) -> str:
    return name if name.isprintable() else _quote(name)


class _Unreadable:
    """Marks a value with a fault, so that it is neither used nor reported again."""


_UNREADABLE = _Unreadable()
