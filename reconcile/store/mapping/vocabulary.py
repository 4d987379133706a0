"""The customer's words for statuses and providers: which to write, and what a stored one means."""

from collections.abc import Mapping
from dataclasses import dataclass, field

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
"""What is written where the customer has no word for a status; the exact one is kept in our side table."""


@dataclass(frozen=True, slots=True)
class AppointmentWords:
    """Words for an appointment's status; of several, the first is written and all are read."""

    words: Mapping[AppointmentStatus, tuple[str, ...]]

    @classmethod
    def ours(cls) -> "AppointmentWords":
        """Return our own words, for columns of our own."""
        return cls({status: (status.value,) for status in AppointmentStatus})

    def encode(self, status: AppointmentStatus | None) -> str | None:
        """Return the word to write for *status*, or for what comes closest to it."""
        if status is None:
            return None
        return (self.words.get(status) or self.words[FALLBACKS[status]])[0]

    def decode(self, word: str | None, *, remembered: str | None = None) -> AppointmentStatus | None:
        """Return what *word* means; *remembered* is the exact status that it was written for."""
        if word is None:
            return None
        if remembered in _STATUSES and self.encode(AppointmentStatus(remembered)) == word:
            return AppointmentStatus(remembered)
        for status, words in self.words.items():
            if word in words:
                return status
        return AppointmentStatus.UNKNOWN

    @property
    def is_complete(self) -> bool:
        """Whether there is a word for every status that is written, so that nothing has to be remembered beside."""
        return set(self.words) >= set(AppointmentStatus) - {AppointmentStatus.INVALID}


_STATUSES = frozenset(status.value for status in AppointmentStatus)


@dataclass(frozen=True, slots=True)
class LeadWords:
    """Words for the part of a lead's status that concerns us, and those that are never overwritten."""

    booked: tuple[str, ...] = (LeadStatus.MEETING_BOOKED.value,)
    qualified: tuple[str, ...] = (LeadStatus.QUALIFIED.value,)
    keep: tuple[str, ...] = field(default=(LeadStatus.KEPT.value,))

    def encode(self, status: LeadStatus) -> str | None:
        """Return the word to write, or None where the column is to stay as it is."""
        match status:
            case LeadStatus.MEETING_BOOKED:
                return self.booked[0]
            case LeadStatus.QUALIFIED:
                return self.qualified[0]
            case LeadStatus.KEPT | LeadStatus.OTHER:
                return None

    def decode(self, word: str | None) -> LeadStatus:
        """Return what *word* means to us; most words mean nothing."""
        if word in self.booked:
            return LeadStatus.MEETING_BOOKED
        if word in self.qualified:
            return LeadStatus.QUALIFIED
        return LeadStatus.KEPT if word in self.keep else LeadStatus.OTHER


@dataclass(frozen=True, slots=True)
class ProviderWords:
    """Words for providers; of several, the first is written and all are read."""

    words: Mapping[ProviderName, tuple[str, ...]]

    @classmethod
    def ours(cls) -> "ProviderWords":
        """Return our own words."""
        return cls({name: (name.value,) for name in ProviderName})

    def encode(self, name: ProviderName | None) -> str | None:
        """Return the word to write."""
        return None if name is None else self.words[name][0]

    def decode(self, word: str | None) -> ProviderName | None:
        """Return the provider that *word* names, or None if it names none that we know."""
        return next((name for name, words in self.words.items() if word in words), None)
