"""Run in the environment of HighLevel's own client for Python: make the reconciler's calls and print what they gave."""

import asyncio
import json
import sys
from typing import Any

import httpx
from highlevel import HighLevel
from highlevel.error import GHLError


async def main(world: dict[str, str]) -> dict[str, Any]:
    HighLevel.BASE_URL = world["url"]
    client = HighLevel(private_integration_token=world["token"])
    location = world["location"]
    search = {"locationId": location, "pageLimit": 1, "sort": [{"field": "dateAdded", "direction": "desc"}]}
    exact = [{"field": "email", "operator": "eq", "value": world["email"]}]
    calendars = await client.calendars.get_calendars(location)
    events = await client.calendars.get_calendar_events(
        location, world["since"], world["until"], calendar_id=calendars["calendars"][0]["id"]
    )
    first = await client.contacts.search_contacts_advanced({**search, "filters": exact})
    pages = [await client.contacts.search_contacts_advanced(search)]
    while (found := pages[-1]["contacts"]) and len(pages) < int(world["contacts"]):
        after = {**search, "searchAfter": found[-1]["searchAfter"]}
        pages.append(await client.contacts.search_contacts_advanced(after))
    try:
        await client.calendars.get_appointment("gone")
        refused: list[Any] = []
    except (GHLError, httpx.HTTPStatusError) as error:
        response = getattr(error, "response", None)
        status = getattr(error, "status_code", None) or getattr(response, "status_code", None)
        refused = [status, str(error)]
    told = {
        "appointment": await client.calendars.get_appointment(world["appointment"]),
        "calendars": calendars,
        "events": events,
        "search": first,
        "pages": [[each["id"] for each in page["contacts"]] for page in pages],
        "listed": await client.contacts.get_appointments_for_contact(world["contact"]),
        "location": await client.locations.get_location(location),
        "refused": refused,
    }
    await client.close()
    return told


if __name__ == "__main__":
    sys.stdout.write("\n" + json.dumps(asyncio.run(main(json.loads(sys.argv[1])))))
