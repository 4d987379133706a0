"""GHL's bodies as its documents print them, and strategies that draw others."""

from typing import Any

from hypothesis import strategies as st

RAW: dict[str, Any] = {
    "id": "ocQHyuzHvysMo5N5VsXc",
    "title": "Appointment with GHL Dev team",
    "calendarId": "BqTwX8QFwXzpegMve9EQ",
    "locationId": "0007BWpSzSwfiuSl0tR2",
    "contactId": "9NkT25Vor1v4aQatFsv2",
    "appointmentStatus": "confirmed",
    "startTime": "2023-09-25T16:00:00+05:30",
    "endTime": "2023-09-25T16:30:00+05:30",
    "dateAdded": "2023-09-20T10:00:00+05:30",
    "dateUpdated": "2023-09-21T10:00:00+05:30",
}
TRACE = {"traceId": "b04c48fc-1e16-4f8b-9bac-3334d3f0399a"}
LISTED: dict[str, Any] = {
    "id": "YS3jaqqeehkR2Is80miy",
    "status": "booked",
    "appointmentStatus": "confirmed",
    "appoinmentStatus": "confirmed",
    "startTime": "2021-07-16 11:00:00",
    "endTime": "2021-07-16 11:30:00",
    "locationId": "YlWd2wuCAZQzh2cH1fVZ",
    "contactId": "sx6wyHhbFdRXh302LLNR",
    "dateAdded": "2021-07-16 10:00:00",
    "dateUpdated": "2021-07-16 10:00:00",
    "deleted": False,
}
CONTACT: dict[str, Any] = {
    "id": "102goXVW3lIExEQPOnd3",
    "locationId": "502goXVW3lIExEQPOnd3",
    "email": "John@Example.com",
    "additionalEmails": ["jane@example.com", None, 5],
    "searchAfter": [1717700097221, "102goXVW3lIExEQPOnd3"],
}
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["2021-07-16 11:00:00", "new"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [*RAW, *CONTACT, "event", "events", "contacts", "appointment", "location", "timezone", "total"]
            )
            | st.text(max_size=8),
            inner,
            max_size=8,
        )
    ),
    max_leaves=12,
)
MUTATED = st.dictionaries(st.sampled_from([*RAW, "deleted"]), JSON, max_size=3).map(lambda changes: {**RAW, **changes})
ANSWERS = JSON | MUTATED | st.builds(lambda each: {"events": [each]}, MUTATED)
