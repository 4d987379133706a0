"""The signature checks that docs/follow-ups.md shows accept what is delivered, and nothing else."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reconcile.domain.ids import AppointmentId, LeadId, RunId, WorkspaceId
from reconcile.domain.planning.change import EffectKind
from reconcile.ports import OutboxRow
from reconcile.providers.webhook import document
from reconcile.wire.signing import signature_headers, signing_key
from tests.test_docs import ROOT
from tests.timeouts import HUNG

PAGE = (ROOT / "docs" / "follow-ups.md").read_text()
ENCODED = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ROW = OutboxRow(
    key="5f0c",
    kind=EffectKind.OPEN_CANCELLATION_TASK,
    workspace_id=WorkspaceId("ws-1"),
    lead_id=LeadId("lead-1"),
    appointment_id=AppointmentId("a-1"),
    run_id=RunId("run-1"),
    created_at=datetime(2026, 3, 2, 9, tzinfo=UTC),
)
BODY = document(ROW)
Check = Callable[[dict[str, str], bytes, str], bool]


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


def in_python(headers: dict[str, str], body: bytes, secret: str) -> bool:
    names: dict[str, Any] = {}
    exec(block("python"), names)  # noqa: S102 - our own page
    return bool(names["is_genuine"](headers, body, secret))


def in_node(headers: dict[str, str], body: bytes, secret: str) -> bool:
    if (node := shutil.which("node")) is None:
        pytest.skip("Node.js is not installed")
    call = f"isGenuine({json.dumps(headers)}, Buffer.from({json.dumps(body.decode())}), {json.dumps(secret)})"
    text = f"{block('js')}\nconsole.log({call});"
    done = subprocess.run([node, "-e", text], capture_output=True, text=True, timeout=HUNG, check=True)
    return done.stdout.strip() == "true"


def signed(secret: str, *, age: timedelta = timedelta(0)) -> dict[str, str]:
    return signature_headers(ROW.key, BODY, key=signing_key(secret), at=datetime.now(UTC) - age)


@pytest.mark.parametrize("check", [in_python, in_node])
@pytest.mark.parametrize("secret", ["a plain secret of some length", ENCODED])
def test_a_delivery_is_accepted_and_an_altered_or_old_one_is_not(check: Check, secret: str) -> None:
    headers = signed(secret)

    assert check(headers, BODY, secret)
    assert check({**headers, "webhook-signature": f"v1,AAAA {headers['webhook-signature']}"}, BODY, secret)
    assert not check(headers, BODY.replace(b"lead-1", b"lead-2"), secret)
    assert not check(headers, BODY, f"{secret}ZZZZ")
    assert not check(signed(secret, age=timedelta(minutes=6)), BODY, secret)


def test_the_fields_and_headers_that_are_shown_are_those_that_are_sent() -> None:
    shown = json.loads(block("json"))

    assert list(shown) == list(json.loads(BODY))
    for name in ("Idempotency-Key", *signed(ENCODED)):
        assert f"\n{name}: " in block("http")


def test_every_kind_is_described() -> None:
    assert all(f"| `{kind}` |" in PAGE for kind in EffectKind)
