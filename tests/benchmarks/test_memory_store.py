"""The benchmark's store in memory passes the contract suites of the real one, as far as it keeps anything.

Left out are tests of changes, mismatches, quarantine, the ledger, and text that no column can hold.
"""

import pytest

from benchmarks.attribution.memory import memory_store
from reconcile.ports import Store
from tests.contracts.test_breakers import (  # noqa: F401
    test_a_breaker_is_read_back_whole,
    test_a_breaker_that_has_just_closed_is_still_told_of,
    test_a_first_save_does_not_replace_anothers,
    test_a_save_from_an_older_generation_is_refused,
    test_an_unknown_breaker_is_none,
    test_breakers_come_in_the_order_of_their_keys,
    test_of_many_saves_at_once_one_wins,
)
from tests.contracts.test_leads import (  # noqa: F401
    test_a_cursor_goes_on_behind_a_lead,
    test_a_waiting_workspace_is_left_out_until_its_time,
    test_a_written_lead_is_not_due_at_once,
    test_excluded_workspaces_are_left_out,
    test_one_workspace_only,
    test_the_limit_bounds_the_workspaces_and_not_the_count,
    test_the_longest_unvisited_comes_first,
    test_watermarks_never_move_back,
    test_what_is_not_there_is_none,
    test_workspaces_with_due_leads_are_found,
)
from tests.contracts.test_leases import (  # noqa: F401
    test_a_batch_gives_up_the_leases_that_it_is_asked_to,
    test_a_batch_whose_lease_is_lost_writes_nothing_and_gives_nothing_up,
    test_a_free_name_is_given,
    test_a_held_name_is_refused,
    test_a_name_is_refused_to_its_own_holder_too,
    test_a_release_by_a_former_holder_changes_nothing,
    test_a_released_name_is_given_with_a_greater_token,
    test_an_expired_name_is_given_with_a_greater_token,
    test_holders_are_told_with_their_expiry,
    test_names_do_not_know_each_other,
    test_nobody_holds_what_is_free_expired_or_released,
    test_of_many_at_once_one_is_given,
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
