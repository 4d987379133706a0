"""The benchmark's store in memory passes the contract suites of the real one, as far as it keeps anything.

Left out are tests of changes, mismatches, quarantine, the ledger, and text that no column can hold.
"""

import pytest

from benchmarks.attribution.memory import memory_store
from reconcile.ports import Store
from tests.contracts.test_breakers import (  # noqa: F401
    test_a_breaker_that_has_just_closed_is_still_loaded,
    test_a_first_save_does_not_replace_a_concurrent_one,
    test_a_save_from_an_older_generation_is_refused,
    test_all_fields_of_a_breaker_are_read_back,
    test_breakers_are_sorted_by_key,
    test_loading_an_unknown_breaker_returns_none,
    test_one_of_many_concurrent_saves_wins,
)
from tests.contracts.test_leads import (  # noqa: F401
    test_a_cursor_continues_after_its_lead,
    test_a_selection_of_one_workspace_returns_only_this_one,
    test_a_waiting_workspace_is_left_out_until_its_not_before,
    test_a_written_lead_is_not_due_immediately,
    test_excluded_workspaces_are_left_out,
    test_reading_a_missing_lead_returns_none,
    test_the_limit_applies_to_the_workspaces_and_not_to_the_count,
    test_the_longest_unvisited_workspace_is_first,
    test_watermarks_never_move_back,
    test_workspaces_with_due_leads_are_found,
)
from tests.contracts.test_leases import (  # noqa: F401
    test_a_batch_releases_the_given_leases,
    test_a_batch_under_a_lost_lease_writes_and_releases_nothing,
    test_a_free_lease_is_granted,
    test_a_held_lease_is_refused,
    test_a_held_lease_is_refused_to_its_own_holder,
    test_a_release_by_a_former_holder_changes_nothing,
    test_a_released_lease_is_granted_with_a_greater_token,
    test_an_expired_lease_is_granted_with_a_greater_token,
    test_free_expired_and_released_leases_are_not_listed,
    test_holders_are_listed_with_their_expiry,
    test_leases_are_independent,
    test_one_of_many_concurrent_claims_is_granted,
)
from tests.services.fakes import FakeClock
from tests.stores import W1, W2, W3, lead, workspace


@pytest.fixture
def store() -> Store:
    """Give a store in memory without rows."""
    return memory_store([], [], FakeClock())


@pytest.fixture
def seeded() -> Store:
    """Give what the suite's own fixture gives."""
    leads = [lead("l1"), lead("l2"), lead("l3"), lead("l4", workspace_id=W2)]
    return memory_store([workspace(w) for w in (W1, W2, W3)], leads, FakeClock())
