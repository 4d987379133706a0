"""GHL's contacts and locations, read without a server."""

import pytest

from reconcile.errors import ContractFault
from reconcile.providers.ghl import parsing as ghl_parsing
from tests.providers.ghl.bodies import CONTACT


def test_contacts_are_read_with_all_their_addresses() -> None:
    """In lower case, so that they can be compared."""
    contacts, beyond = ghl_parsing.read_contacts({"contacts": [CONTACT, {"id": "b", "deleted": True}], "total": 3})

    assert [each.id for each in contacts] == ["102goXVW3lIExEQPOnd3"]
    assert contacts[0].emails == {"john@example.com", "jane@example.com"}
    assert contacts[0].location_id == "502goXVW3lIExEQPOnd3"
    assert beyond == 1


@pytest.mark.parametrize(
    ("additional", "expected"),
    [
        (["Jane@Example.com"], {"jane@example.com"}),
        ([{"email": "Jane@Example.com"}, {"email": None}, {"mail": "x@example.com"}, {}], {"jane@example.com"}),
        ([{"email": "a@example.com"}, "b@example.com"], {"a@example.com", "b@example.com"}),
        ({"email": "a@example.com"}, set()),
        (None, set()),
    ],
)
def test_additional_addresses_are_texts_or_objects(additional: object, expected: set[str]) -> None:
    """The two generations of GHL's own clients disagree."""
    contact = {"id": "a", "email": "john@example.com", "additionalEmails": additional}
    ((found,), _) = ghl_parsing.read_contacts({"contacts": [contact]})

    assert found.emails == {"john@example.com", *expected}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "GHL contact search response missing required contacts field"),
        ({"contacts": {}}, "GHL contact search response missing required contacts field"),
        ({"contacts": [{"email": "a@example.com"}]}, "GHL contact search response missing required ID field"),
    ],
)
def test_a_search_without_its_fields_is_a_fault(content: object, message: str) -> None:
    """It must not read as "no such contact"."""
    with pytest.raises(ContractFault) as caught:
        ghl_parsing.read_contacts(content)

    assert str(caught.value) == message


def test_the_zone_of_a_location_is_read() -> None:
    """In its envelope or without."""
    assert ghl_parsing.read_time_zone({"location": {"id": "x", "timezone": "Asia/Kolkata"}}) == "Asia/Kolkata"
    assert ghl_parsing.read_time_zone({"timezone": "Asia/Kolkata"}) == "Asia/Kolkata"
    with pytest.raises(ContractFault, match=r"^GHL location response missing required time zone field$"):
        ghl_parsing.read_time_zone({"location": {"id": "x"}})
