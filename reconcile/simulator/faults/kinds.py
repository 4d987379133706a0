"""The table of fault kinds, with their values and effects."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TypeAlias

Value: TypeAlias = str | float | None


class FaultKind(StrEnum):
    """The kinds of faults and variants of responses."""

    LATENCY = "latency"
    BLACK_HOLE = "black_hole"
    HOLD = "hold"
    RESET = "reset"
    RESET_MID_BODY = "reset_mid_body"
    TRUNCATE = "truncate"
    GARBAGE = "garbage"
    SLOW_DRIP = "slow_drip"
    SILENT_CLOSE = "silent_close"
    HTML = "html"
    CUT_JSON = "cut_json"
    EMPTY_BODY = "empty_body"
    OVERSIZE = "oversize"
    DEEP_JSON = "deep_json"
    GZIP_BOMB = "gzip_bomb"
    REDIRECT = "redirect"
    SERVER_ERROR = "server_error"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    BAD_REQUEST = "bad_request"
    UNPROCESSABLE = "unprocessable"
    EXTERNAL_CALENDAR = "external_calendar"
    RATE_LIMITED = "rate_limited"
    RETRY_AFTER = "retry_after"
    RATE_LIMIT_BODY = "rate_limit_body"
    RATE_LIMIT = "rate_limit"
    DAILY_LIMIT = "daily_limit"
    HEADER_CASE = "header_case"
    MISSING_ID = "missing_id"
    MISSING_FIELD = "missing_field"
    SET_FIELD = "set_field"
    BROKEN_RECORD = "broken_record"
    EXTRA_FIELDS = "extra_fields"
    ENVELOPE = "envelope"
    TRACE_ID = "trace_id"
    STATUS_SPELLING = "status_spelling"
    STATUS_STYLE = "status_style"
    TIME_FORMAT = "time_format"
    UNKNOWN_ID = "unknown_id"
    MISSING = "missing"
    MISSING_STATUS = "missing_status"
    UNKNOWN_PARAMETER = "unknown_parameter"
    VERSIONS = "versions"
    DAILY_RESET = "daily_reset"
    EMAIL_FORM = "email_form"
    LIST_HIDES = "list_hides"
    MESSAGE_FORM = "message_form"
    BAD_VERSION = "bad_version"
    SEARCH_LAG = "search_lag"
    SEARCH_CASE = "search_case"
    ADDITIONAL_EMAILS = "additional_emails"
    DEEP_PAGE = "deep_page"
    NEXT_PAGE_ORIGIN = "next_page_origin"
    URI_ORIGIN = "uri_origin"
    PAGE_KEYS = "page_keys"
    PAGE_FILTERS = "page_filters"
    ENDLESS_PAGES = "endless_pages"
    CANCELER_TYPE = "canceler_type"
    FRACTION = "fraction"
    EVENT_LOCATION = "event_location"
    FOREIGN_EVENT = "foreign_event"


class Form(StrEnum):
    """The allowed values of a kind."""

    NOTHING = "nothing"
    CHOICE = "choice"
    NUMBER = "number"
    STATUS = "status"
    TEXT = "text"
    HEADER = "header"
    FIELD = "field"


@dataclass(frozen=True, slots=True)
class KindRule:
    """One row of the table; *default* replaces a missing value."""

    about: str
    form: Form = Form.NOTHING
    choices: tuple[str, ...] = ()
    default: Value = None


def _one_of(about: str, *choices: str) -> KindRule:
    """Return a rule whose first choice is the default."""
    return KindRule(about, Form.CHOICE, choices, choices[0])


def _number(about: str, default: float | None = None) -> KindRule:
    return KindRule(about, Form.NUMBER, (), default)


def _text(about: str, default: str | None = None) -> KindRule:
    return KindRule(about, Form.TEXT, (), default)


KINDS: Mapping[FaultKind, KindRule] = MappingProxyType(
    {
        FaultKind.LATENCY: _number("answer after so many milliseconds", 50.0),
        FaultKind.BLACK_HOLE: KindRule("take the request and never answer"),
        FaultKind.HOLD: KindRule("answer when the simulator gets a release request"),
        FaultKind.RESET: KindRule("reset the connection before any header"),
        FaultKind.RESET_MID_BODY: KindRule("reset the connection after half of the body"),
        FaultKind.TRUNCATE: _number("promise so many bytes more than are sent, then close", 64.0),
        FaultKind.GARBAGE: KindRule("begin with a line that is not HTTP"),
        FaultKind.SLOW_DRIP: _number("send the body byte by byte with so many milliseconds between", 20.0),
        FaultKind.SILENT_CLOSE: KindRule("close the connection after a whole answer without announcing it"),
        FaultKind.HTML: KindRule("answer an HTML page with this status", Form.STATUS, default=502),
        FaultKind.CUT_JSON: KindRule("send half of the JSON as if it were all"),
        FaultKind.EMPTY_BODY: KindRule("send the status with an empty body"),
        FaultKind.OVERSIZE: _number("pad the JSON with so many bytes", 20_000_000.0),
        FaultKind.DEEP_JSON: _number("nest an extra field so many levels deep", 10_000.0),
        FaultKind.GZIP_BOMB: _number("send a small gzip body that inflates to so many bytes", 50_000_000.0),
        FaultKind.REDIRECT: KindRule("answer 302 to this address", Form.HEADER, default="http://127.0.0.1:9/"),
        FaultKind.SERVER_ERROR: KindRule("answer the provider's JSON error with this status", Form.STATUS, default=500),
        FaultKind.UNAUTHORIZED: _one_of(
            "answer 401 with the text that the provider has for this cause",
            "token",
            "jwt",
            "private_integration",
            "scope",
            "user_type",
            "auth_class",
            "command_timed_out",
        ),
        FaultKind.FORBIDDEN: _one_of(
            "answer 403: GHL has one text, Calendly one for each cause",
            "resource",
            "specify_organization",
            "other_organization",
            "event",
            "insufficient_scope",
        ),
        FaultKind.NOT_FOUND: KindRule("answer 404"),
        FaultKind.BAD_REQUEST: _text("answer 400 with this message", "Bad Request"),
        FaultKind.UNPROCESSABLE: _text("answer 422 with this message", "Unprocessable Entity"),
        FaultKind.EXTERNAL_CALENDAR: KindRule("answer Calendly's 424"),
        FaultKind.RATE_LIMITED: KindRule("answer 429, however few requests there were"),
        FaultKind.RETRY_AFTER: KindRule("give every 429 this Retry-After header", Form.HEADER, default="2"),
        FaultKind.RATE_LIMIT_BODY: _one_of("what a 429 has as its body", "empty", "json", "html", "empty_object"),
        FaultKind.RATE_LIMIT: _number("enforce this limit per window in place of the published one", 100.0),
        FaultKind.DAILY_LIMIT: _number("enforce this GHL limit per day in place of the published one", 0.0),
        FaultKind.HEADER_CASE: _one_of("the spelling of header names", "lower", "upper", "title"),
        FaultKind.MISSING_ID: _one_of(
            "what becomes of a record's id (GHL) or uri (Calendly)", "removed", "null", "empty", "renamed", "number"
        ),
        FaultKind.MISSING_FIELD: _text("remove this field from each record", "startTime"),
        FaultKind.SET_FIELD: KindRule(
            "set a field of each record, as NAME=JSON", Form.FIELD, default='appointmentStatus="exploded"'
        ),
        FaultKind.BROKEN_RECORD: _text("remove the start from the record with this id, and from no other", "app-1"),
        FaultKind.EXTRA_FIELDS: KindRule("add fields that no document knows, to records and around them"),
        FaultKind.ENVELOPE: _one_of("what wraps GHL's single appointment", "event", "appointment", "flat"),
        FaultKind.TRACE_ID: _one_of("whether GHL's bodies carry a traceId", "on", "off"),
        FaultKind.STATUS_SPELLING: _one_of(
            "under which names GHL gives the status", "good", "typo", "both", "only_status", "booked", "vague"
        ),
        FaultKind.STATUS_STYLE: _one_of("how GHL writes status values", "plain", "camel", "spaced", "upper"),
        FaultKind.TIME_FORMAT: _one_of("how GHL writes instants", "iso", "naive", "utc"),
        FaultKind.UNKNOWN_ID: _one_of(
            "what GHL answers to an id it does not know", "404", "400", "named", "empty_object", "null", "empty_list"
        ),
        FaultKind.MISSING: _one_of(
            "GHL says that this is missing, in place of every answer",
            "appointment",
            "named",
            "version",
            "location",
            "token",
            "calendar",
            "contact",
            "route",
            "backend",
            "nothing",
        ),
        FaultKind.MISSING_STATUS: _one_of(
            "the status with which GHL says that something is missing", "404", "400", "401"
        ),
        FaultKind.UNKNOWN_PARAMETER: _one_of("what becomes of a parameter that no document has", "refused", "ignored"),
        FaultKind.VERSIONS: _one_of("which Version headers GHL takes", "dated", "all"),
        FaultKind.DAILY_RESET: _one_of("whether GHL sends the time at which its daily count is reset", "on", "off"),
        FaultKind.EMAIL_FORM: _one_of("what GHL's additional e-mails are", "objects", "texts"),
        FaultKind.LIST_HIDES: _one_of(
            "which appointments GHL's lists omit: by default deleted ones, if they have no such field; all: "
            "Calendly's list of events is empty as well",
            "nothing",
            "deleted",
            "cancelled",
            "all",
        ),
        FaultKind.MESSAGE_FORM: _one_of("the form of GHL's error messages", "string", "array", "bare"),
        FaultKind.BAD_VERSION: _one_of("GHL's status for an unknown Version header", "401", "400"),
        FaultKind.SEARCH_LAG: _number("GHL's search does not know what changed in the last so many seconds", 5.0),
        FaultKind.SEARCH_CASE: _one_of("whether GHL's search minds the case of letters", "insensitive", "sensitive"),
        FaultKind.ADDITIONAL_EMAILS: _one_of("whether GHL's search looks at additional e-mails", "on", "off"),
        FaultKind.DEEP_PAGE: _one_of("what GHL's search does past 10,000 records", "truncate", "refuse"),
        FaultKind.NEXT_PAGE_ORIGIN: _text("the origin of Calendly's next_page", "https://calendly.com"),
        FaultKind.URI_ORIGIN: _text("the origin of every URI in Calendly's bodies", "https://api.example.net"),
        FaultKind.PAGE_KEYS: _one_of("which keys Calendly's pagination has", "all", "legacy", "null_token"),
        FaultKind.PAGE_FILTERS: _one_of("whether a page token needs its filters again", "required", "optional"),
        FaultKind.ENDLESS_PAGES: KindRule("always promise another Calendly page"),
        FaultKind.CANCELER_TYPE: _one_of("whether Calendly's cancellations have canceler_type", "off", "on"),
        FaultKind.FRACTION: _one_of("the fraction of Calendly's seconds", "micro", "milli", "none"),
        FaultKind.EVENT_LOCATION: _one_of("the location of Calendly's events", "null", "type", "kind"),
        FaultKind.FOREIGN_EVENT: _one_of("what Calendly answers for another organization's event", "403", "404"),
    }
)
