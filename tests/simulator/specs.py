"""The providers' OpenAPI files, where they are at hand, as schemas that a response can be held against."""

import json
import os
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

ROOT = Path(__file__).parents[2]
FOLDER = Path(os.environ.get("RECONCILE_PROVIDER_SPECS") or ROOT.parent / "shared" / "providers")
CALENDARS = "ghl-calendars.openapi.json"
CONTACTS = "ghl-contacts.openapi.2025-05-04.json"
CONTACTS_NOW = "ghl-contacts.openapi.json"
CALENDLY = "calendly.openapi.json"
COMMON = "ghl-common.openapi.json"
BASE = "https://specs.invalid/"
"""Never fetched: it lets GHL's files refer to one another as they do."""
Schema = dict[str, Any]


def _calendar_slips(schemas: dict[str, Schema]) -> None:
    """StartTime and its kin are declared objects, though their own examples are strings."""
    for name in ("startTime", "endTime", "dateAdded", "dateUpdated"):
        assert schemas["CalendarEventDTO"]["properties"][name]["type"] == "object"
        schemas["CalendarEventDTO"]["properties"][name]["type"] = "string"
    schemas["GetCalendarEventSuccessfulResponseDTO"]["properties"]["traceId"] = {"type": "string"}
    schemas["GetCalendarEventsSuccessfulResponseDTO"]["properties"]["traceId"] = {"type": "string"}
    schemas["CalendarsGetSuccessfulResponseDTO"]["properties"]["traceId"] = {"type": "string"}


def _contact_slips(schemas: dict[str, Schema]) -> None:
    """Let the cursor hold a number, as its example does; let a contact have no business."""
    contact = schemas["Contact"]["properties"]
    assert contact["searchAfter"]["items"] == {"type": "string"}
    contact["searchAfter"]["items"] = {"type": ["string", "number"]}
    contact["businessId"]["type"] = ["string", "null"]
    event = schemas["GetEventSchema"]["properties"]
    event |= {"isRecurring": {"type": "boolean"}, "createdBy": {"type": "object"}}
    schemas["GetContectByIdSchema"]["properties"]["additionalEmails"] = contact["additionalEmails"]
    for name in (
        "GetEventsSuccessfulResponseDto",
        "SearchContactSuccessResponseDto",
        "ContactsByIdSuccessfulResponseDto",
    ):
        schemas[name]["properties"]["traceId"] = {"type": "string"}


def _calendly_slips(schemas: dict[str, Schema]) -> None:
    """Add to the file of 2023 what came in 2026, or is in fixtures only."""
    uri: Schema = {"type": ["string", "null"]}
    schemas["Invitee"]["properties"] |= {"scheduling_method": uri, "invitee_scheduled_by": uri}
    schemas["User"]["properties"] |= {"resource_type": {"type": "string"}, "locale": {"type": "string"}}
    schemas["Cancellation"]["properties"]["created_at"] = {"type": "string"}
    membership = schemas["Event"]["properties"]["event_memberships"]["items"]["properties"]
    membership |= {"user_email": {"type": "string"}, "user_name": {"type": "string"}}


SLIPS: Mapping[str, Callable[[dict[str, Schema]], None]] = {
    CALENDARS: _calendar_slips,
    CONTACTS: _contact_slips,
    CALENDLY: _calendly_slips,
}


def at_hand() -> pytest.MarkDecorator:
    missing = [name for name in (*SLIPS, COMMON, CONTACTS_NOW) if not (FOLDER / name).is_file()]
    return pytest.mark.skipif(
        bool(missing), reason=f"no provider specifications in RECONCILE_PROVIDER_SPECS: {missing}"
    )


@cache
def load(name: str) -> Any:
    document = json.loads((FOLDER / name).read_text())
    if name in SLIPS:
        SLIPS[name](document["components"]["schemas"])
    return translate(document)


def translate(node: Any) -> Any:
    """Turn OpenAPI 3.0 into JSON Schema: nullable becomes a type, and an object has no other fields than its own."""
    if isinstance(node, list):
        return [translate(each) for each in node]
    if not isinstance(node, dict):
        return node
    node = {key: translate(value) for key, value in node.items()}
    if node.get("type") == "object" and isinstance(node.get("properties"), dict):
        node.setdefault("additionalProperties", False)
    if node.pop("nullable", False) is True:
        return {"anyOf": [node, {"type": "null"}]}
    return node


def validator(name: str, path: str, *, method: str = "get", status: str = "200") -> Draft202012Validator:
    """Return what checks the JSON body of one documented response."""
    registry: Registry[Any] = Registry().with_resources(
        (uri, DRAFT202012.create_resource(contents))
        for uri, contents in ((f"{BASE}apps/{name}", load(name)), (f"{BASE}common/common-schemas.json", load(COMMON)))
    )
    place = path.replace("/", "~1")
    pointer = f"/paths/{place}/{method}/responses/{status}/content/application~1json/schema"
    return Draft202012Validator({"$ref": f"{BASE}apps/{name}#{pointer}"}, registry=registry)


def calendly_error() -> Draft202012Validator:
    """Return what checks the body of a refusal; the responses' own schemas have a text where a list belongs."""
    return Draft202012Validator(load(CALENDLY)["components"]["schemas"]["ErrorResponse"])
