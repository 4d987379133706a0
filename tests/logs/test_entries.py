"""What is read of logs in the shapes that exporters give them."""

import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.domain.verification.log_entry import LogEntry
from reconcile.errors import InputUnreadable
from reconcile.logs import entries
from reconcile.logs.lines import MAX_LINE_CHARACTERS, lines

AT = datetime(2026, 3, 2, 9, 12, 0, 250000, tzinfo=UTC)
NANOS = str(int(AT.timestamp() * 1000) * 1_000_000)
MILLIS = int(AT.timestamp() * 1000)
STAMP = "2026-03-02T09:12:00.250Z"
TEXT = 'ERROR value of "agent_response" is too long'
QUOTED = json.dumps(TEXT)

SHAPES: Mapping[str, str] = {
    "plain text": f"{STAMP} {TEXT}",
    "plain text with a blank": f"2026-03-02 09:12:00,250 {TEXT}",
    "another zone": f"2026-03-02T10:12:00.250+01:00 {TEXT}",
    "in brackets": f"[2026-03-02 09:12:00.250] {TEXT}",
    "time in the middle": f"worker-1 2026-03-02 09:12:00.250 {TEXT}",
    "docker json-file": json.dumps({"log": TEXT + "\n", "stream": "stderr", "time": "2026-03-02T09:12:00.250000000Z"}),
    "docker json-file around JSON": json.dumps(
        {"log": json.dumps({"level": "error", "msg": TEXT}) + "\n", "stream": "stderr", "time": STAMP}
    ),
    "CRI": f"2026-03-02T09:12:00.250000000Z stderr F {TEXT}",
    "kubectl logs --timestamps": f"2026-03-02T09:12:00.250000000Z {TEXT}",
    "kubectl logs --timestamps --prefix": f"[pod/insights-1/main] 2026-03-02T09:12:00.250000000Z {TEXT}",
    "kubectl logs around JSON": f'{STAMP} {{"severity":"ERROR","message":{QUOTED}}}',
    "logcli -o jsonl": json.dumps({"labels": {"app": "x"}, "line": TEXT, "timestamp": STAMP}),
    "Loki's API": json.dumps(
        {"status": "success", "data": {"result": [{"stream": {"app": "x"}, "values": [[NANOS, TEXT]]}]}}
    ),
    "Loki's API, indented": json.dumps(
        {"status": "success", "data": {"result": [{"stream": {"app": "x"}, "values": [[NANOS, TEXT]]}]}}, indent=2
    ),
    "aws logs filter-log-events": json.dumps({"events": [{"timestamp": MILLIS, "message": TEXT + "\n"}]}, indent=4),
    "CloudWatch by lines": json.dumps({"timestamp": MILLIS, "message": TEXT, "ingestionTime": MILLIS + 9}),
    "CloudWatch Insights": json.dumps(
        {
            "results": [
                [{"field": "@timestamp", "value": "2026-03-02 09:12:00.250"}, {"field": "@message", "value": TEXT}]
            ]
        }
    ),
    "gcloud logging read": json.dumps([{"timestamp": STAMP, "severity": "ERROR", "textPayload": TEXT}], indent=2),
    "gcloud, structured": json.dumps([{"timestamp": STAMP, "severity": "ERROR", "jsonPayload": {"message": TEXT}}]),
    "Google Cloud by lines": json.dumps({"receiveTimestamp": STAMP, "severity": "ERROR", "textPayload": TEXT}),
    "Datadog's API": json.dumps(
        {"data": [{"id": "a", "attributes": {"timestamp": STAMP, "status": "error", "message": TEXT}}]}
    ),
    "Datadog by lines": json.dumps({"content": {"timestamp": STAMP, "status": "error", "message": TEXT}}),
    "structlog": json.dumps({"event": TEXT, "level": "error", "timestamp": STAMP}),
    "pino": json.dumps({"level": 50, "time": MILLIS, "msg": TEXT}),
    "Python's logging": json.dumps({"levelname": "ERROR", "asctime": "2026-03-02 09:12:00,250", "message": TEXT}),
    "Elasticsearch": json.dumps({"_source": {"@timestamp": STAMP, "log.level": "error", "message": TEXT}}),
    "with Windows' line ends": f"{STAMP} {TEXT}\r",
}


def read(text: str | bytes) -> list[LogEntry]:
    return list(entries(io.BytesIO(text.encode() if isinstance(text, str) else text), name="x.log"))


@pytest.mark.parametrize("text", SHAPES.values(), ids=SHAPES)
def test_time_text_and_severity_are_found(text: str) -> None:
    (entry,) = read(text + "\n")

    assert entry.at == AT
    assert TEXT in entry.text
    assert entry.is_error


@pytest.mark.parametrize(
    "text",
    [
        f"{STAMP} INFO 0 errors, all fine",
        json.dumps({"level": "info", "msg": "no ERROR here", "time": STAMP}),
        json.dumps({"level": 30, "msg": "fine", "time": MILLIS}),
        f"{STAMP} GET /error-pages 200",
    ],
)
def test_a_message_about_errors_is_no_error(text: str) -> None:
    assert [entry.is_error for entry in read(text)] == [False]


def test_a_stack_trace_has_the_time_of_the_line_before() -> None:
    found = read(f"{STAMP} ERROR failed\nTraceback (most recent call last):\n  File x\nValueError: {TEXT}\n")

    assert [entry.at for entry in found] == [AT] * 4
    assert found[-1].is_error


def test_lines_before_any_time_have_none() -> None:
    assert [entry.at for entry in read(f"hello\n{STAMP} x")] == [None, AT]


def test_lines_split_by_a_runtime_are_joined_by_stream() -> None:
    whole = json.dumps({"level": "error", "msg": TEXT})
    parts = [
        f"{STAMP} stderr P {whole[:20]}",
        f"{STAMP} stdout F between",
        f"{STAMP} stderr P {whole[20:30]}",
        f"{STAMP} stderr F {whole[30:]}",
    ]
    found = read("\n".join(parts))

    assert [entry.text for entry in found] == ["between", f"error\n{TEXT}"]
    docker = [json.dumps({"log": part, "stream": "stdout", "time": STAMP}) for part in (TEXT[:9], TEXT[9:] + "\n")]
    assert [(entry.text, entry.at) for entry in read("\n".join(docker))] == [(TEXT, AT)]


def test_a_report_of_ours_has_its_checks() -> None:
    report = json.dumps({"leadsChecked": 40, "errors": 3, "timestamp": STAMP, "topSignatures": [{"signature": TEXT}]})
    for wrapped in (report, f"{STAMP} stdout F {report}"):
        (entry,) = read(wrapped)
        assert (entry.checks, entry.errors) == (40, 3)
        assert TEXT in entry.text


def test_a_large_document_is_read_value_by_value() -> None:
    filler = "x" * 1000
    events = [{"timestamp": MILLIS + n, "message": f"{n} {filler} {{["} for n in range(3000)]
    text = json.dumps({"events": events}, indent=1)
    assert len(text) > 2 * MAX_LINE_CHARACTERS

    found = read(text)
    assert [entry.text.split()[0] for entry in found] == [str(n) for n in range(3000)]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\x7fELF\x00\x00", "is no text: there is a zero byte in line 1"),
        (b"fine\nfine\n" + b"x" * 200_000 + b"\0", "is no text: there is a zero byte in line 3"),
        (b"\x1f\x8b\x08abc", "is compressed; decompress it: zcat"),
        (b"\x28\xb5\x2f\xfdabc", "zstdcat"),
        ("x".encode("utf-16"), "is UTF-16"),
    ],
)
def test_binary_input_is_refused(content: bytes, told: str) -> None:
    with pytest.raises(InputUnreadable, match=told):
        read(content)


def test_odd_bytes_within_a_text_do_no_harm() -> None:
    assert [entry.text for entry in read(STAMP.encode() + b" caf\xe9 \xff\xfe ok")] == ["caf\ufffd \ufffd\ufffd ok"]
    assert read(b"") == read(b"\n \n") == []
    assert [entry.at for entry in read("\ufeff" + STAMP + " x")] == [AT]


def test_an_endless_line_is_cut_and_marked() -> None:
    found = list(lines(io.BytesIO(b"a" * 25 + b"\nshort\n" + b"b" * 11), name="x", most=10))

    assert [(line.text, line.is_cut) for line in found] == [("a" * 10, True), ("short", False), ("b" * 10, True)]


@given(st.lists(st.binary().map(lambda raw: raw.replace(b"\0", b"").replace(b"\n", b"")), max_size=20))
def test_nothing_that_is_text_breaks_the_reader(parts: list[bytes]) -> None:
    content = b"\n".join([STAMP.encode() + b" x", *parts])
    try:
        found = read(content)
    except InputUnreadable:
        return
    assert len(found) <= len(parts) + 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from([*"abc", "events", "data", "log", "time", "message", "level"]) | st.text(),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(JSON, st.booleans())
def test_no_json_breaks_the_reader(value: object, indented: bool) -> None:
    assert isinstance(read(json.dumps(value, indent=1 if indented else None)), list)


def test_deeply_nested_json_is_a_line_like_any_other() -> None:
    assert len(read("{" * 100_000 + "\nx")) <= 2
    assert len(read('{"a":' * 100_000 + "\nx")) <= 2
    assert read("[" * 100_000 + "]" * 100_000) is not None
