"""The counts of batches add up to those of the run, every one of them."""

from collections import Counter
from dataclasses import fields

import pytest

from reconcile.domain.ids import ProviderName, WorkspaceId
from reconcile.domain.lead import MismatchKind
from reconcile.domain.planning.change import EffectKind
from reconcile.domain.planning.outcome import DeferReason, ErrorSignature, Outcome, SkipReason
from reconcile.domain.run.unconfigured import MissingSetting
from reconcile.errors import ErrorClass
from tests.use_cases import Counts

SIGNATURE = ErrorSignature(provider="ghl", operation="appointment", error_class=ErrorClass.TIMEOUT, message="late")


def filled() -> Counts:
    counts = Counts(
        outcomes=Counter({Outcome.BOOKED: 2}),
        skips=Counter({SkipReason.NO_IDENTITY: 3}),
        unconfigured=Counter({MissingSetting.NO_LOCATION: 13}),
        defers=Counter({DeferReason.BUDGET: 4}),
        mismatches=Counter({MismatchKind.OTHER_LEAD: 5}),
        signatures=Counter({SIGNATURE: 6}),
        changes=Counter({Outcome.CANCELED: 11}),
        effects=Counter({EffectKind.OPEN_CANCELLATION_TASK: 12}),
        quarantined=7,
        disappeared_soon=8,
    )
    counts.by_provider[ProviderName.HIGHLEVEL][Outcome.BOOKED] = 9
    counts.by_asked[ProviderName.CALENDLY][Outcome.BOOKED] = 10
    counts.unconfigured_in[MissingSetting.NO_LOCATION].add(WorkspaceId("ws-0"))
    counts.failed_in[SIGNATURE].add(WorkspaceId("ws-0"))
    return counts


@pytest.mark.parametrize("name", [each.name for each in fields(Counts)])
def test_each_count_of_a_batch_is_added_to_the_runs(name: str) -> None:
    assert getattr(filled(), name) != getattr(Counts(), name), f"give {name} a value in this test"
    total = Counts()
    total.add(filled())
    assert getattr(total, name) == getattr(filled(), name)


_SETS = {"failed_in", "by_provider", "by_asked", "unconfigured_in"}


@pytest.mark.parametrize("name", [each.name for each in fields(Counts) if each.name not in _SETS])
def test_the_counts_of_two_batches_are_summed(name: str) -> None:
    total = filled()
    total.add(filled())
    single = getattr(filled(), name)
    assert getattr(total, name) == (single + single)
