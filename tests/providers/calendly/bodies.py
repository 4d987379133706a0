"""Calendly's bodies as its documents print them, and strategies that draw others."""

from typing import Any

from hypothesis import strategies as st

ORIGIN = "https://api.calendly.com"
EVENT: dict[str, Any] = {
    "uri": f"{ORIGIN}/scheduled_events/GBGBDCAADAEDCRZ2",
    "name": "15 Minute Meeting",
    "status": "active",
    "start_time": "2019-08-24T14:15:22.123456Z",
    "end_time": "2019-08-24T14:30:22.123456Z",
    "location": None,
    "invitees_counter": {"total": 1, "active": 1, "limit": 1},
    "created_at": "2019-01-02T03:04:05.678123Z",
    "updated_at": "2019-01-02T03:04:05.678123Z",
}
INVITEE: dict[str, Any] = {
    "uri": f"{ORIGIN}/scheduled_events/GBGBDCAADAEDCRZ2/invitees/INV",
    "event": f"{ORIGIN}/scheduled_events/GBGBDCAADAEDCRZ2",
    "email": "Test@Example.com",
    "status": "active",
    "rescheduled": False,
    "old_invitee": None,
    "new_invitee": None,
    "no_show": None,
    "created_at": "2020-11-23T17:51:18.327602Z",
    "updated_at": "2020-11-23T17:54:22.356897Z",
}
CANCELLATION = {"canceled_by": "John Doe", "reason": "Meeting Conflict", "canceler_type": "invitee"}
LAST_PAGE = {"count": 1, "next_page": None, "previous_page": None, "next_page_token": None}
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from([EVENT["uri"], INVITEE["uri"]]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*EVENT, *INVITEE, "resource", "collection", "pagination", "next_page", "next_page_token"])
            | st.text(max_size=8),
            inner,
            max_size=8,
        )
    ),
    max_leaves=12,
)
MUTATED = st.builds(
    lambda base, changes: {**base, **changes},
    st.sampled_from([EVENT, INVITEE]),
    st.dictionaries(st.sampled_from([*EVENT, *INVITEE, "cancellation"]), JSON, max_size=3),
)
ANSWERS = (
    JSON
    | st.builds(lambda each: {"resource": each}, MUTATED)
    | st.builds(lambda each, page: {"collection": [each], "pagination": page}, MUTATED, JSON)
)
