"""A value that holds a secret or personal data may stand in a message: its text form shows none of it."""

import pytest

from reconcile.domain.credential import Credential, Token
from reconcile.domain.evidence.lookup import Lookup
from reconcile.domain.ids import LeadId, Operation, ProviderName, WorkspaceId
from reconcile.domain.lead import Lead
from reconcile.providers.http.call import Call, Reply
from reconcile.store.db.address import Address

CANARY = "c4n4ry"
GHL = ProviderName.HIGHLEVEL


@pytest.mark.parametrize(
    "value",
    [
        Call(operation=Operation.CONTACT_SEARCH, path="/x", path_params={"id": CANARY}),
        Call(operation=Operation.CONTACT_SEARCH, path="/x", query=[("email", CANARY)]),
        Call(operation=Operation.CONTACT_SEARCH, path="/x", json={"email": CANARY}),
        Reply(status=200, body={"email": CANARY}),
        Reply(status=404, body=None, message=CANARY),
        Lookup(provider=GHL, operation=Operation.CONTACT_SEARCH, subject=CANARY),
        Lead(id=LeadId("lead"), workspace_id=WorkspaceId("ws"), email=CANARY),
        Address(dialect="postgresql", dsn=f"postgresql://user:{CANARY}@host/app"),
        Credential(provider=GHL, token=Token.parse(CANARY, where="a test")),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_text_form_of_a_value_shows_no_secret(value: object) -> None:
    assert CANARY not in f"{value!r} {value}"
