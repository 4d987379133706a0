"""The customer's words for statuses and providers: which one is written, and the meaning of a stored one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.ids import ProviderName
from reconcile.domain.lead import LeadStatus

FALLBACKS = {
    AppointmentStatus.RESCHEDULED: AppointmentStatus.CANCELED,
    AppointmentStatus.SHOWED: AppointmentStatus.CONFIRMED,
    AppointmentStatus.NO_SHOW: AppointmentStatus.CONFIRMED,
    AppointmentStatus.UNKNOWN: AppointmentStatus.CONFIRMED,
    AppointmentStatus.INVALID: AppointmentStatus.CONFIRMED,
}
"""The replacement if the customer has no word for a status; our side table holds the exact status."""


class Comparison(StrEnum):
    """How the database compares words of a column, so that every equal spelling is recognized."""

    EXACT = "exact"
    PADDED = "padded"
    """``char(n)``: trailing blanks are ignored."""
    CASELESS = "caseless"
    """``citext``: case is ignored."""

    def equal(self, one: str, other: str) -> bool:
        """Return whether the two words are equal in the column."""
        match self:
            case Comparison.EXACT:
                return one == other
            case Comparison.PADDED:
                return one.rstrip(" ") == other.rstrip(" ")
            case Comparison.CASELESS:
                return one.lower() == other.lower()

    def knows(self, word: str | None, words: Iterable[str]) -> bool:
        """Return whether *word* is one of *words*."""
        return word is not None and any(self.equal(word, each) for each in words)


@dataclass(frozen=True, slots=True)
class AppointmentWords:
    """Words for an appointment's status; of several words, the first is written and all are read."""

    words: Mapping[AppointmentStatus, tuple[str, ...]]
    comparison: Comparison = Comparison.EXACT

    @classmethod
    def ours(cls) -> "AppointmentWords":
        """Return our own words, for columns of our own."""
        return cls({status: (status.value,) for status in AppointmentStatus})

    def encode(self, status: AppointmentStatus | None) -> str | None:
        """Return the word to write for *status*, or for the closest status with a word."""
        if status is None:
            return None
        return (self.words.get(status) or self.words[FALLBACKS[status]])[0]

    def decode(self, word: str | None, *, remembered: str | None = None) -> AppointmentStatus | None:
        """Return the status of *word*; *remembered* is the exact status for which it was written."""
        if word is None:
            return None
        if remembered in _STATUSES:
            exact = AppointmentStatus(remembered)
            if self.comparison.equal(self.encode(exact) or "", word):
                return exact
        for status, words in self.words.items():
            if self.comparison.knows(word, words):
                return status
        return AppointmentStatus.UNKNOWN

    @property
    def all_words(self) -> tuple[str, ...]:
        """All words, in the order in which they are read."""
        return tuple(word for words in self.words.values() for word in words)

    @property
    def is_complete(self) -> bool:
        """Whether every status that is written has a word, so that the side table need not hold it."""
        return set(self.words) >= set(AppointmentStatus) - {AppointmentStatus.INVALID}


_STATUSES = frozenset(status.value for status in AppointmentStatus)


@dataclass(frozen=True, slots=True)
class LeadWords:
    """Words for the booked status of a lead, and words that are never overwritten."""

    booked: tuple[str, ...] = (LeadStatus.MEETING_BOOKED.value,)
    qualified: tuple[str, ...] = (LeadStatus.QUALIFIED.value,)
    keep: tuple[str, ...] = field(default=(LeadStatus.KEPT.value,))
    comparison: Comparison = Comparison.EXACT

    @property
    def all_words(self) -> tuple[str, ...]:
        """All words, in the order in which they are read."""
        return (*self.booked, *self.qualified, *self.keep)

    def encode(self, status: LeadStatus) -> str | None:
        """Return the word to write, or None if the column is not changed."""
        match status:
            case LeadStatus.MEETING_BOOKED:
                return self.booked[0]
            case LeadStatus.QUALIFIED:
                return self.qualified[0]
            case LeadStatus.KEPT | LeadStatus.OTHER:
                return None

    def decode(self, word: str | None) -> LeadStatus:
        """Return the meaning of *word*; None for most words."""
        if self.comparison.knows(word, self.booked):
            return LeadStatus.MEETING_BOOKED
        if self.comparison.knows(word, self.qualified):
            return LeadStatus.QUALIFIED
        return LeadStatus.KEPT if self.comparison.knows(word, self.keep) else LeadStatus.OTHER


@dataclass(frozen=True, slots=True)
class ProviderWords:
    """Words for providers; of several words, the first is written and all are read."""

    words: Mapping[ProviderName, tuple[str, ...]]

    @classmethod
    def ours(cls) -> "ProviderWords":
        """Return our own words."""
        return cls({name: (name.value,) for name in ProviderName})

    def encode(self, name: ProviderName | None) -> str | None:
        """Return the word to write."""
        return None if name is None else self.words[name][0]

    def decode(self, word: str | None) -> ProviderName | None:
        """Return the provider of *word*, or None if it is unknown."""
        return next((name for name, words in self.words.items() if word in words), None)
