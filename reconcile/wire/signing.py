"""Signatures of the Standard Webhooks specification."""

import base64
import binascii
import hmac
from datetime import datetime

_ENCODED_KEY = "whsec_"
LEAST_BYTES = 24
"""The least length of a key, by the Standard Webhooks specification."""


def signature_headers(message_id: str, content: bytes, *, key: bytes, at: datetime) -> dict[str, str]:
    """Return the headers that sign *content* with its time."""
    timestamp = str(int(at.timestamp()))
    signature = hmac.digest(key, b".".join([message_id.encode(), timestamp.encode(), content]), "sha256")
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
    }


def signing_key(text: str) -> bytes:
    """Return the key: base64 after ``whsec_``, as the specification has it, else the text itself.

    Raises ValueError with a clause that contains nothing of the key.
    """
    if not text.startswith(_ENCODED_KEY):
        return text.encode()
    try:
        key = base64.b64decode(text.removeprefix(_ENCODED_KEY), validate=True)
    except binascii.Error:
        raise ValueError("must be base64 after whsec_; copy it again") from None
    if len(key) < LEAST_BYTES:
        raise ValueError(f"must hold at least {LEAST_BYTES} bytes in base64 after whsec_; make a longer one")
    return key
