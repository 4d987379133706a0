"""Forms of log lines, each as an error's line and another's.

``python -m tests.logs.forms`` writes them into the table of docs/verify.md.

The message is the same in both, so that only the level tells them apart.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "verify.md"
MESSAGE = "slot of 2027-01-01 10:00:00 was looked at"
"""With a date, which is no line's time."""
MILLIS = 1772442720250
_ISO = "2026-03-02T09:12:00.250Z"
_BLANK = "2026-03-02 09:12:00"


@dataclass(frozen=True)
class Form:
    """A line with ``{}`` for the level and ``§`` for the message; *dated* is false where it does not tell its day."""

    line: str
    error: str
    other: str
    dated: bool = True

    def text(self, level: str, message: str = MESSAGE) -> str:
        escaped = json.dumps(message)[1:-1] if self.line[0] == "{" or '"§"' in self.line else message
        return self.line.replace("{}", level).replace("§", escaped)


FORMS: Mapping[str, Form] = {
    "syslog, RFC 3164": Form("<{}>Mar  2 09:12:00 web-1 app[7]: §", "11", "14"),
    "syslog, RFC 5424": Form(f"<{{}}>1 {_ISO} web-1 app 7 - - §", "11", "14"),
    "syslog, RFC 5424 with data": Form(f'<{{}}>1 {_ISO} web-1 app 7 ID1 [ex@1 a="b"] §', "11", "14"),
    "systemd's prefix": Form("<{}>§", "3", "6", dated=False),
    "syslog file, level in the message": Form("Mar  2 09:12:00 web-1 app[7]: {} §", "ERROR", "INFO"),
    "journalctl -o short-iso": Form("2026-03-02T09:12:00+0000 web-1 app[7]: level={} msg=§", "error", "info"),
    "journald JSON": Form(
        f'{{"__REALTIME_TIMESTAMP":"{MILLIS}000","PRIORITY":"{{}}","_TRANSPORT":"journal","MESSAGE":"§"}}', "3", "6"
    ),
    "logfmt (logrus, slog)": Form(f'time={_ISO} level={{}} msg="§"', "ERROR", "INFO"),
    "logfmt, level last": Form(f'ts={_ISO} msg="§" lvl={{}}', "eror", "info"),
    "logfmt, severity": Form(f'msg="§" severity={{}} t={_ISO}', "error", "info"),
    "logrus on a terminal": Form("{}[0000] §", "ERRO", "INFO", dated=False),
    "slog, Go's default": Form("2026/03/02 09:12:00 {} §", "ERROR", "INFO"),
    "slog, JSON": Form(f'{{"time":"{_ISO}","level":"{{}}","msg":"§"}}', "ERROR+2", "INFO"),
    "zap": Form('{"level":"{}","ts":1772442720.25,"caller":"a/b.go:7","msg":"§"}', "error", "info"),
    "zap's console": Form(f'{_ISO}\t{{}}\tapp/main.go:7\t§\t{{"a":1}}', "error", "info"),
    "zap's console, seconds": Form("1.77244272025e+09\t{}\tapp/main.go:7\t§", "error", "info"),
    "zerolog": Form('{"level":"{}","time":1772442720,"message":"§"}', "error", "info"),
    "zerolog's console": Form("2026-03-02T09:12:00Z {} §", "ERR", "INF"),
    "klog, glog": Form("{}0302 09:12:00.250000       1 main.go:7] §", "E", "I"),
    "Python's default": Form("{}:root:§", "ERROR", "INFO", dated=False),
    "Python, asctime - name - level": Form(f"{_BLANK},250 - app.jobs - {{}} - §", "ERROR", "INFO"),
    "Python, asctime level name": Form(f"{_BLANK},250 {{}} app.jobs §", "CRITICAL", "WARNING"),
    "Python JSON, levelno": Form(f'{{"asctime":"{_BLANK},250","levelno":{{}},"message":"§"}}', "40", "20"),
    "Django": Form(f"{{}} {_BLANK},250 views 7 140 §", "ERROR", "INFO"),
    "gunicorn": Form("[2026-03-02 09:12:00 +0000] [7] [{}] §", "ERROR", "INFO"),
    "uvicorn": Form("{}:     §", "ERROR", "INFO", dated=False),
    "Celery": Form(f"[{_BLANK},250: {{}}/MainProcess] §", "ERROR", "INFO"),
    "loguru": Form(f"{_BLANK}.250 | {{}}     | app:main:7 - §", "ERROR", "INFO "),
    "loguru, serialized": Form(
        '{"text":"§","record":{"level":{"name":"x","no":{}},"time":{"timestamp":1772442720.25}}}', "40", "20"
    ),
    "structlog's console": Form(f"{_BLANK} [{{}}] §  lead=7", "error    ", "info     "),
    "structlog, JSON": Form(f'{{"event":"§","level":"{{}}","timestamp":"{_ISO}"}}', "error", "info"),
    "pino": Form(f'{{"level":{{}},"time":{MILLIS},"pid":7,"hostname":"web-1","msg":"§"}}', "50", "30"),
    "pino-pretty": Form("[09:12:00.250] {} (7): §", "ERROR", "INFO", dated=False),
    "bunyan": Form(f'{{"name":"app","pid":7,"level":{{}},"msg":"§","time":"{_ISO}","v":0}}', "60", "40"),
    "winston": Form(f'{{"level":"{{}}","message":"§","timestamp":"{_ISO}"}}', "error", "http"),
    "winston, simple": Form("{}: §", "error", "info", dated=False),
    "winston, printf": Form(f"{_ISO} [app] {{}}: §", "error", "verbose"),
    "n8n": Form(f"{_ISO} | {{}}    | §", "error", "info "),
    "n8n, JSON": Form(f'{{"level":"{{}}","message":"§","metadata":{{"timestamp":"{_ISO}"}}}}', "error", "info"),
    "log4js": Form("[2026-03-02T09:12:00.250] [{}] default - §", "ERROR", "INFO"),
    "log4js, JSON": Form(f'{{"startTime":"{_ISO}","level":{{"levelStr":"{{}}"}},"data":["§"]}}', "ERROR", "INFO"),
    "logback's default": Form("09:12:00.250 [main] {} c.e.Main -- §", "ERROR", "INFO ", dated=False),
    "log4j, Spring Boot": Form(f"{_ISO} {{}} 7 --- [app] [main] c.e.Main : §", "ERROR", " INFO"),
    "log4j, thread first": Form(f"{_BLANK},250 [main] {{}} c.e.Main - §", "ERROR", "INFO "),
    "logback, JSON": Form(f'{{"timestamp":{MILLIS},"level":"{{}}","formattedMessage":"§"}}', "ERROR", "INFO"),
    "java.util.logging": Form("{}: §", "SEVERE", "INFO", dated=False),
    ".NET's console": Form("{}: App.Jobs[0] §", "fail", "info", dated=False),
    ".NET, JSON": Form(f'{{"Timestamp":"{_ISO}","LogLevel":"{{}}","Message":"§"}}', "Error", "Information"),
    "Serilog's console": Form("[09:12:00 {}] §", "ERR", "INF", dated=False),
    "Serilog's file": Form(f"{_BLANK}.250 +00:00 [{{}}] §", "FTL", "VRB"),
    "Serilog, compact JSON": Form(f'{{"@t":"{_ISO}","@mt":"§"{{}}}}', ',"@l":"Error"', ""),
    "Laravel": Form(f"[{_BLANK}] production.{{}}: §", "ERROR", "INFO"),
    "Ruby's Logger": Form("{}, [2026-03-02T09:12:00.250000 #7]  X -- : §", "E", "I"),
    "Elastic Common Schema": Form(f'{{"@timestamp":"{_ISO}","log.level":"{{}}","message":"§"}}', "ERROR", "INFO"),
    "Elastic, nested": Form(f'{{"@timestamp":"{_ISO}","log":{{"level":"{{}}"}},"message":"§"}}', "error", "info"),
    "OpenTelemetry, text": Form(f'{{"timestamp":"{_ISO}","severity_text":"{{}}","body":"§"}}', "ERROR", "INFO"),
    "OpenTelemetry, number": Form(
        f'{{"timeUnixNano":"{MILLIS}000000","severityNumber":{{}},"body":{{"stringValue":"§"}}}}', "17", "9"
    ),
    "GELF": Form('{"version":"1.1","host":"a","short_message":"§","timestamp":1772442720.25,"level":{}}', "3", "6"),
    "nginx, errors": Form("2026/03/02 09:12:00 [{}] 7#7: *1 §", "error", "notice"),
    "nginx and Apache, requests": Form(
        '192.0.2.1 - - [02/Mar/2026:09:12:00 +0000] "GET /§ HTTP/1.1" {} 12', "503", "404"
    ),
    "Apache, errors": Form("[Mon Mar 02 09:12:00.250000 2026] [core:{}] [pid 7:tid 9] §", "error", "notice"),
    "MongoDB": Form(f'{{"t":{{"$date":"{_ISO}"}},"s":"{{}}","c":"NETWORK","id":7,"msg":"§"}}', "E", "I"),
    "MongoDB before 4.4": Form("2026-03-02T09:12:00.250+0000 {} NETWORK  [conn1] §", "E", "I"),
    "PostgreSQL": Form(f"{_BLANK}.250 UTC [7] {{}}:  §", "FATAL", "LOG"),
    "MySQL": Form(f"{_ISO} 0 [{{}}] [MY-010119] [Server] §", "ERROR", "Note"),
    "Android": Form("03-02 09:12:00.250  1234  5678 {} App: §", "E", "I"),
    "Android, brief": Form("{}/App( 1234): §", "E", "D", dated=False),
    "Heroku, a program": Form("2026-03-02T09:12:00.250000+00:00 app[web.1]: {}: §", "error", "info"),
    "Heroku's router": Form(
        '2026-03-02T09:12:00.250000+00:00 heroku[router]: at={} method=GET path="/§" status=503', "error", "info"
    ),
    "Rust's env_logger": Form("[2026-03-02T09:12:00Z {} app::jobs] §", "ERROR", "INFO"),
    "Rust's tracing": Form("2026-03-02T09:12:00.250000Z {} app::jobs: §", "ERROR", " INFO"),
    "AWS Lambda": Form(f"{_ISO}\t6bc28136-xmpl-4365\t{{}}\t§", "ERROR", "INFO"),
    "AWS Lambda, Python": Form(f"[{{}}]\t{_ISO}\t6bc28136-xmpl-4365\t§", "ERROR", "INFO"),
    "Vercel": Form(
        f'{{"TimeUTC":"{_BLANK}","timestampInMs":{MILLIS},"requestPath":"/api","responseStatusCode":200,'
        '"level":"{}","message":"§"}',
        "error",
        "info",
    ),
    "Vercel, by the status": Form(
        f'{{"TimeUTC":"{_BLANK}","requestPath":"/api","responseStatusCode":{{}},"message":"§"}}', "500", "404"
    ),
    "Google Cloud": Form(f'{{"timestamp":"{_ISO}","severity":"{{}}","textPayload":"§"}}', "ERROR", "INFO"),
    "Google Cloud, number": Form(f'{{"timestamp":"{_ISO}","severity":{{}},"message":"§"}}', "500", "200"),
    "Datadog": Form(f'{{"attributes":{{"timestamp":"{_ISO}","status":"{{}}","message":"§"}}}}', "error", "info"),
}
FORMS = {
    **FORMS,
    "Heroku's router": Form(FORMS["Heroku's router"].line.replace("status=503", "status=200"), "error", "info"),
}


def table() -> str:
    """Return the forms that are known as a table of Markdown."""
    rows = ["| form | an error | another line |", "| --- | --- | --- |"]
    for name, form in FORMS.items():
        lines = (_cell(form.text(level, "…")) for level in (form.error, form.other))
        rows.append(f"| {name}{'' if form.dated else ' ¹'} | {' | '.join(lines)} |")
    return "\n".join(rows) + "\n"


def page() -> str:
    """Return docs/verify.md with its table as it should be."""
    return re.sub(
        r"(<!-- forms -->\n).*?(<!-- /forms -->)", lambda m: m[1] + table() + m[2], PAGE.read_text(), flags=re.DOTALL
    )


def _cell(text: str) -> str:
    return f"`{text}`".replace("|", "\\|").replace("\t", " ⇥ ")


if __name__ == "__main__":
    PAGE.write_text(page())
