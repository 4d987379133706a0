"""Reads time and level of text lines, at the positions of known formats only.

A line is a time, a few tokens with the level among them, and the message. A word within the message is not a level.
Formats outside of this grammar have a pattern of their own (docs/decisions/0032-levels-of-log-lines.md).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from reconcile.logs import levels, logfmt
from reconcile.logs.instants import LeadingTime, leading_time, read_instant, yearless

_TOKEN = re.compile(r"[\s:,]*(?:\[([^\]\n]{0,200})\]|\(([^)\n]{0,100})\)|([^\s\[\]()|]+)|[|\]])")
_PIECES = re.compile(r"[:/,\s]")
_NAMES = re.compile(r"[\d.:/_#@$=-]")
_ACCESS = re.compile(r'\S+ \S+ \S+ \[([^\]]{20,40})\] "(?:[^"\\]|\\.){0,4000}" (\d{3}) ', re.ASCII)
_KLOG = re.compile(r"([IWEF])(\d{4} \d\d:\d\d:\d\d\.\d{6})\s+\d+ \S+:\d+\]", re.ASCII)
_RUBY = re.compile(r"([DIWEFA]), \[(\S{19,30}) #\d+\]", re.ASCII)
_TAGGED = re.compile(r"([VDIWEFA])/[\w.$ -]{1,80}(?:\( *\d+\))?:", re.ASCII)
_LOGRUS = re.compile(r"(ERRO|FATA|PANI|WARN|INFO|DEBU|TRAC)\[\d{4,}\]", re.ASCII)
_ANDROID = re.compile(r"\s+\d+\s+\d+ ([VDIWEFA]) ", re.ASCII)
_MONGO = re.compile(r"([FEWID])\d?\s+[A-Z]{2,10}\s+\[", re.ASCII)
_LAMBDA = re.compile(r"(?:START|END|REPORT|INIT_START) (?:RequestId|Runtime)", re.ASCII)
_NAMED = re.compile(r"(?=\S*[\d-])[\w.-]{1,80} (?=\d{4}-\d\d-\d\d)", re.ASCII)
_UTIL = re.compile(r" \S+ \S+$", re.ASCII)
_MOST_TOKENS = 7
_MOST_PLAIN_WORDS = 2


@dataclass(frozen=True, slots=True)
class TextLine:
    """Time and level of a text line; *is_error* is None without a level of a known format.

    *has_time*: it starts with a time, even one without a date. *is_begun*: the record ends on the next line.
    """

    at: datetime | None = None
    is_error: bool | None = None
    has_time: bool = False
    is_begun: bool = False


def read_line(text: str, *, newest: datetime | None = None) -> TextLine:
    """Read one line without its wrapping."""
    for pattern, read in _SPECIAL.get(text[:1], _SPECIAL[""]):
        match = pattern.match(text)
        if match is not None:
            return read(match, newest)
    start = 1 if text[:1] in "[(" else 0
    time = leading_time(text, start, newest=newest)
    if time is None:
        return _without_time(text, newest)
    return _after_time(text, time)


def _after_time(text: str, time: LeadingTime) -> TextLine:
    rest = text[time.end :]
    for pattern in (_ANDROID, _MONGO):
        match = pattern.match(rest if pattern is _ANDROID else rest.lstrip())
        if match is not None:
            return TextLine(at=time.at, is_error=levels.LETTERS[match[1]], has_time=True)
    if _UTIL.fullmatch(rest) and "M" in text[: time.end][-1:]:
        return TextLine(at=time.at, has_time=True, is_begun=True)
    rest = rest.lstrip("] \t|,:-")
    pairs = logfmt.read_logfmt(rest)
    is_error = pairs.is_error if pairs is not None else level_token(rest, is_after_time=True)
    return TextLine(at=time.at, is_error=is_error, has_time=True)


def _without_time(text: str, newest: datetime | None) -> TextLine:
    pairs = logfmt.read_logfmt(text)
    if pairs is not None:
        return TextLine(at=pairs.at, is_error=pairs.is_error, has_time=pairs.at is not None)
    if _LAMBDA.match(text):
        return TextLine(is_error=False)
    named = _NAMED.match(text)
    time = None if named is None else leading_time(text, named.end())
    if time is not None and (found := level_token(text[time.end :], is_after_time=True)) is not None:
        return TextLine(at=time.at, is_error=found, has_time=True)
    is_error = level_token(text)
    time = None if is_error is None else _time_after_level(text, newest)
    return TextLine(at=time.at if time else None, is_error=is_error, has_time=time is not None)


def _time_after_level(text: str, newest: datetime | None) -> LeadingTime | None:
    """Return the time that follows the level; after a colon, or without brackets and fractions, it is the message's."""
    token = _TOKEN.match(text)
    if token is None or text[token.end() - 1] == ":":
        return None
    start = token.end() + len(text[token.end() :]) - len(text[token.end() :].lstrip())
    is_bracketed = token[1] is not None or text[start : start + 1] == "["
    time = leading_time(text, start + (text[start : start + 1] == "["), newest=newest)
    return time if time is not None and (is_bracketed or time.is_precise) else None


def level_token(text: str, *, is_after_time: bool = False) -> bool | None:
    """Classify the level among the tokens before the message; None if there is none.

    A word in capitals may follow the names of logger and process. One in lower case is a level only before a separator,
    because ``error reading file`` is a message.
    """
    place, plain_words = 0, 0
    for number in range(_MOST_TOKENS):
        match = _TOKEN.match(text, place)
        if match is None:
            return None
        square, _, word = match.groups()
        place = match.end()
        if square is not None:
            found = _in_brackets(square)
            if found is not None:
                return found
        elif word is not None:
            found = _level_of(word, after=text[place : place + 2], is_first=plain_words == 0)
            if found is not None:
                return found
            if not is_after_time and number == 0:
                return None
            plain_words += not _NAMES.search(word.rstrip(":"))
            if plain_words > _MOST_PLAIN_WORDS - (not is_after_time):
                return None
    return None


def _in_brackets(content: str) -> bool | None:
    pieces = [each for each in _PIECES.split(content.strip()) if each]
    if not 0 < len(pieces) <= 3:  # noqa: PLR2004 - time, level and a name, as env_logger has them
        return None
    return next((found for each in (pieces[-1], pieces[0]) if (found := levels.of_word(each)) is not None), None)


def _level_of(word: str, *, after: str, is_first: bool) -> bool | None:
    """Classify a word alone, or joined to names as in ``ERROR:root:text`` and ``production.ERROR:``."""
    name = _PIECES.split(word, maxsplit=1)[0]
    bare = name.rpartition(".")[2].rstrip(";")
    found = levels.of_word(bare)
    if found is None:
        return None
    if bare[:3].isupper() and not levels.is_common_word(bare):
        return found
    has_separator = len(word) > len(name) or after[:1] in {"\t", "]", "|"} or after in {"  ", " |", " [", " :"}
    return found if is_first and has_separator else None


def _access(match: re.Match[str], _: datetime | None) -> TextLine:
    return TextLine(at=read_instant(match[1]), is_error=levels.of_http(match[2]), has_time=True)


def _klog(match: re.Match[str], newest: datetime | None) -> TextLine:
    at = yearless(match[2], "%m%d %H:%M:%S.%f", newest=newest)
    return TextLine(at=at, is_error=levels.LETTERS[match[1]], has_time=True)


def _ruby(match: re.Match[str], _: datetime | None) -> TextLine:
    return TextLine(at=read_instant(match[2]), is_error=levels.LETTERS[match[1]], has_time=True)


def _letter(match: re.Match[str], _: datetime | None) -> TextLine:
    return TextLine(is_error=levels.LETTERS[match[1]])


def _logrus(match: re.Match[str], _: datetime | None) -> TextLine:
    return TextLine(is_error=levels.of_word(match[1]))


_Special = tuple[re.Pattern[str], Callable[[re.Match[str], datetime | None], TextLine]]
_CAPITALS: tuple[_Special, ...] = ((_KLOG, _klog), (_RUBY, _ruby), (_TAGGED, _letter), (_LOGRUS, _logrus))
_SPECIAL: dict[str, tuple[_Special, ...]] = {
    "": ((_ACCESS, _access),),
    **dict.fromkeys("VDIWEFAPT", (*_CAPITALS, (_ACCESS, _access))),
    "[": (),
    "{": (),
}
