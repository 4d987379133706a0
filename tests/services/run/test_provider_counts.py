"""The counts by provider are of what was asked, also where a lead does not say which provider has its booking."""

from reconcile.domain.ids import ProviderName
from reconcile.domain.planning.outcome import Outcome
from tests.use_cases import Counts

BOTH = (ProviderName.CALENDLY, ProviderName.HIGHLEVEL)


def checked_and_booked(outcome: Outcome, *, of: ProviderName | None) -> list[tuple[int, int]]:
    counts = Counts()
    counts.add_check(BOTH, outcome, of=of)
    found = counts.provider_counts()
    return [(found[each].checked, found[each].booked) for each in BOTH]


def test_a_lead_looked_up_at_two_providers_is_a_check_of_both_and_a_booking_of_one() -> None:
    assert checked_and_booked(Outcome.BOOKED, of=ProviderName.HIGHLEVEL) == [(1, 0), (1, 1)]
    assert checked_and_booked(Outcome.UNCHANGED, of=None) == [(1, 0), (1, 0)]


def test_an_unchecked_lead_counts_for_no_provider() -> None:
    assert checked_and_booked(Outcome.DEFERRED, of=None) == [(0, 0), (0, 0)]
