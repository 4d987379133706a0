"""The ``Version`` header of requests to GHL.

Only the newest Version has the field ``deleted`` of an appointment, so calendars are requested with it, or with the
dated one if an account refuses it. Contacts and locations keep the dated one.
"""

from dataclasses import replace

from reconcile.providers.account import Account
from reconcile.providers.http.call import Call, Reply

CALENDARS = {"Version": "2021-04-15"}
CONTACTS = {"Version": "2021-07-28"}
_NEWEST = "v3"
_BAD_REQUEST, _UNAUTHORIZED, _NOT_FOUND = 400, 401, 404
_NAMES_VERSION = ("version header", "api version")
_NO_PATH = ("cannot ", "route ")


async def ask_calendars(account: Account, call: Call, *, deadline: float) -> Reply:
    """Make *call* with the newest Version, or with its own once *account* has refused that."""
    if account.takes_newest:
        reply = await account.ask(replace(call, headers={**call.headers, "Version": _NEWEST}), deadline=deadline)
        if not _refuses_version(reply):
            return reply
        account.takes_newest = False
    return await account.ask(call, deadline=deadline)


def _refuses_version(reply: Reply) -> bool:
    words = reply.message.lower()
    if reply.status in {_BAD_REQUEST, _UNAUTHORIZED}:
        return any(each in words for each in _NAMES_VERSION)
    return reply.status == _NOT_FOUND and words.startswith(_NO_PATH)
