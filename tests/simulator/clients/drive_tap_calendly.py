"""Run in the environment of a Singer tap: an organization's events page by page, and each one's invitees."""

import contextlib
import io
import json
import sys
from typing import Any

from tap_calendly.client import CalendlyStream
from tap_calendly.tap import TapCalendly


def main(world: dict[str, str]) -> dict[str, Any]:
    CalendlyStream.url_base = world["url"]
    config = {"calendly_api_token": world["token"], "start_date": world["since"], "mode": world["mode"]}
    tap = TapCalendly(config=config, parse_env_config=False)
    events = tap.streams["events"]
    with contextlib.redirect_stdout(io.StringIO()):
        found = list(events.request_records(None))
        children = {
            each["uri"]: [
                record["uri"]
                for record in tap.streams["event_invitees"].request_records(events.get_child_context(each, None))
            ]
            for each in found
        }
    return {"user": events.user["uri"], "events": [each["uri"] for each in found], "invitees": children}


if __name__ == "__main__":
    sys.stdout.write("\n" + json.dumps(main(json.loads(sys.argv[1]))))
