"""Run in the environment of a client that sends a GET's filters as its body and follows ``next_page`` as it is."""

import json
import sys
from typing import Any

from calendly import calendly as module
from calendly.exceptions import CalendlyException


def main(world: dict[str, str]) -> dict[str, Any]:
    module.ME, module.EVENTS = f"{world['url']}/users/me", f"{world['url']}/scheduled_events"
    client = module.CalendlyAPI(world["token"])
    me = client.about()["resource"]
    first = client.list_events(count=1, user_uri=me["uri"], sort="start_time:asc", status="active")
    pages = [first]
    while link := pages[-1]["pagination"]["next_page"]:
        pages.append(client.request.get(link).json())
    try:
        client.get_event_details("gone")
        refused = ""
    except CalendlyException as error:
        refused = str(error.args[0])
    return {
        "user": me["uri"],
        "pages": [[each["uri"] for each in page["collection"]] for page in pages],
        "event": client.get_event_details(world["event"])["resource"]["uri"],
        "invitees": [each["uri"] for each in client.list_event_invitees(world["event"])["collection"]],
        "invitee": client.get_event_invitee(world["event"], world["invitee"])["resource"]["uri"],
        "refused": refused,
    }


if __name__ == "__main__":
    sys.stdout.write("\n" + json.dumps(main(json.loads(sys.argv[1]))))
