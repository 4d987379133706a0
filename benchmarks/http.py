"""HTTP clients against a bare local server: requests a second, CPU, memory, import time, and how processes end."""

import argparse
import asyncio
import importlib.util
import itertools
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

    from reconcile.ports import HttpAttempt

Send = Callable[[], Awaitable[int]]
"""Send one request, read the whole body and return its length (or what the client makes of it)."""

PATH = "/calendars/events/appointments/ocQHyuzHvysMo5N5VsXc"
TOKEN = "pit-00000000-0000-0000-0000-000000000000"  # noqa: S105 - made up, of the usual length
HEADERS = {"Authorization": f"Bearer {TOKEN}", "Version": "2021-04-15", "Accept": "application/json"}
CONTROL = "aiohttp"
"""The client that ratios refer to: a plain session, measured in the same run."""
SECOND_CONTROL = "httpx"
"""The second client that ratios refer to: httpx with its own pool, used as documented."""
ENDINGS = 20
"""The number of processes of each pool that are ended with requests in flight."""


def _response() -> bytes:
    appointment = {
        "id": "ocQHyuzHvysMo5N5VsXc",
        "title": "Appointment",
        "calendarId": "BqTwX8QFwXzpegMve9EQ",
        "locationId": "0007BWpSzSwfiuSl0tR2",
        "contactId": "9NkT25Vor1v4aQatFsv2",
        "appointmentStatus": "confirmed",
        "assignedUserId": "YlWd2wuCAZQzh2cH1fVZ",
        "users": ["YlWd2wuCAZQzh2cH1fVZ"],
        "startTime": "2023-09-25T16:00:00+05:30",
        "endTime": "2023-09-25T16:30:00+05:30",
        "dateAdded": "2023-09-20T10:00:00+05:30",
        "dateUpdated": "2023-09-20T10:00:00+05:30",
    }
    body = json.dumps({"event": appointment}).encode()
    head = [
        "HTTP/1.1 200 OK",
        "Content-Type: application/json; charset=utf-8",
        f"Content-Length: {len(body)}",
        "X-RateLimit-Limit-Daily: 200000",
        "X-RateLimit-Daily-Remaining: 199000",
        "X-RateLimit-Interval-Milliseconds: 10000",
        "X-RateLimit-Max: 100",
        "X-RateLimit-Remaining: 99",
    ]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


RESPONSE = _response()
BODY_LENGTH = len(RESPONSE.partition(b"\r\n\r\n")[2])


class BareServer(asyncio.Protocol):
    """Responds to every request head with the same bytes, without parsing, so that only the client is measured."""

    def __init__(self, latency: float = 0.0) -> None:
        self._latency = latency
        self._seen = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer as often as a head has ended."""
        self._seen += data
        if self._seen.startswith(b"POST"):  # what telemetry sends, one on each connection
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" * data.startswith(b"POST"))
            return
        requests = self._seen.count(b"\r\n\r\n")
        if not requests:
            return
        self._seen = self._seen.rpartition(b"\r\n\r\n")[2]
        if self._latency:
            asyncio.get_running_loop().call_later(self._latency, self._transport.write, RESPONSE * requests)
        else:
            self._transport.write(RESPONSE * requests)


async def _serve(latency: float) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: BareServer(latency), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


# Each client is imported where it is opened, so that its process imports no other.
# ruff: noqa: PLC0415


async def _client_over(stack: AsyncExitStack, url: str, transport: "httpx.AsyncBaseTransport") -> Send:
    import httpx

    client = httpx.AsyncClient(transport=transport, headers=HEADERS, timeout=10, trust_env=False)
    await stack.enter_async_context(client)

    async def send() -> int:
        length = 0
        async with client.stream("GET", url) as response:
            async for chunk in response.aiter_raw():
                length += len(chunk)
        return length

    return send


async def _transport_alone(stack: AsyncExitStack, url: str, transport: "httpx.AsyncBaseTransport") -> Send:
    import httpx

    await stack.enter_async_context(transport)
    extensions = {"timeout": httpx.Timeout(10).as_dict()}
    target = httpx.URL(url)

    async def send() -> int:
        request = httpx.Request("GET", target, headers=HEADERS, extensions=extensions)
        response = await transport.handle_async_request(request)
        assert isinstance(response.stream, httpx.AsyncByteStream)
        length = 0
        try:
            async for chunk in response.stream:
                length += len(chunk)
        finally:
            await response.stream.aclose()
        return length

    return send


def _httpcore(connections: int) -> "httpx.AsyncBaseTransport":
    import httpx

    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    return httpx.AsyncHTTPTransport(limits=limits, trust_env=False)


def _httpx_aiohttp(connections: int) -> "httpx.AsyncBaseTransport":
    import httpx
    import httpx_aiohttp

    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    return httpx_aiohttp.AiohttpTransport(limits=limits, trust_env=False)


def _httpx_pyreqwest(connections: int) -> "httpx.AsyncBaseTransport":
    from pyreqwest.compatibility.httpx import HttpxTransport

    return HttpxTransport(_pyreqwest_client(connections))


def _ours(_connections: int) -> "httpx.AsyncBaseTransport":
    from reconcile.providers.http.transport import AiohttpTransport

    return AiohttpTransport()


class _Clock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, duration: timedelta) -> None:
        await asyncio.sleep(duration.total_seconds())


async def _traced(stack: AsyncExitStack, url: str, connections: int) -> Send:
    """Open the adapters' client with a span and a duration for each request, sent to a collector."""
    from reconcile.domain.ids import RunId
    from reconcile.telemetry.otel import OtelTelemetry
    from reconcile.telemetry.otel_settings import read_otel_settings

    settings = read_otel_settings({"OTEL_EXPORTER_OTLP_ENDPOINT": url.removesuffix(PATH)})
    telemetry = OtelTelemetry(settings, run_id=RunId("benchmark"), version="0")
    stack.callback(telemetry.close, timedelta(seconds=5))
    return await _whole(stack, url, connections, telemetry.record_attempt)


async def _whole(
    stack: AsyncExitStack, url: str, _connections: int, observe: "Callable[[HttpAttempt], None]" = lambda _: None
) -> Send:
    """Open the adapters' client: origin guard, deadline, retry budget, caps, status table, rate headers, decoding."""
    from reconcile.domain.credential import Token
    from reconcile.domain.ids import Operation, ProviderName
    from reconcile.providers.http.client import AiohttpTransport, BaseUrl, Call, Gateway

    gateway = Gateway(
        provider=ProviderName.HIGHLEVEL,
        base=BaseUrl.parse(url.removesuffix(PATH), where="the benchmark"),
        transport=await stack.enter_async_context(AiohttpTransport()),
        clock=_Clock(),
        on_attempt=observe,
    )
    client = gateway.client(Token.parse(TOKEN, where="the benchmark"))
    root, _, appointment_id = PATH.rpartition("/")

    async def send() -> int:
        call = Call(
            operation=Operation.APPOINTMENT,
            path=f"{root}/{{id}}",
            path_params={"id": appointment_id},
            headers={"Version": "2021-04-15"},
        )
        reply = await client.ask(call, deadline=time.monotonic() + 50)
        return BODY_LENGTH if reply.body["event"]["id"] == appointment_id else 0

    return send


async def _aiohttp(stack: AsyncExitStack, url: str, connections: int) -> Send:
    import aiohttp

    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections),
        headers=HEADERS,
        auto_decompress=False,
        timeout=aiohttp.ClientTimeout(total=10),
    )
    await stack.enter_async_context(session)

    async def send() -> int:
        length = 0
        async with session.get(url, allow_redirects=False) as response:
            async for chunk in response.content.iter_any():
                length += len(chunk)
        return length

    return send


def _pyreqwest_client(connections: int) -> Any:  # noqa: ANN401 - a candidate that may not be installed
    from pyreqwest.client import ClientBuilder

    builder = ClientBuilder().no_proxy().follow_redirects(enable=False).pool_max_idle_per_host(connections)
    builder = builder.gzip(enable=False).deflate(enable=False).brotli(enable=False).zstd(enable=False)
    return builder.connect_timeout(timedelta(seconds=3)).build()


async def _pyreqwest(stack: AsyncExitStack, url: str, connections: int) -> Send:
    client = await stack.enter_async_context(_pyreqwest_client(connections))
    timeout = timedelta(seconds=10)

    async def send() -> int:
        length = 0
        async with client.get(url).headers(HEADERS).timeout(timeout).build_streamed() as response:
            while (chunk := await response.body_reader.read_chunk()) is not None:
                length += len(chunk)
        return length

    return send


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """How a client is opened, and the modules that it imports."""

    open: Callable[[AsyncExitStack, str, int], Awaitable[Send]]
    imports: Sequence[str]

    @property
    def is_installed(self) -> bool:
        """Say whether it can be measured here: those that lost are not dependencies."""
        return all(importlib.util.find_spec(name.partition(".")[0]) for name in self.imports)


CANDIDATES = {
    "httpx": Candidate(open=lambda s, u, n: _client_over(s, u, _httpcore(n)), imports=["httpx", "httpcore"]),
    "httpx, transport alone": Candidate(
        open=lambda s, u, n: _transport_alone(s, u, _httpcore(n)), imports=["httpx", "httpcore"]
    ),
    "httpx over httpx-aiohttp": Candidate(
        open=lambda s, u, n: _client_over(s, u, _httpx_aiohttp(n)), imports=["httpx", "httpx_aiohttp"]
    ),
    "httpx-aiohttp, transport alone": Candidate(
        open=lambda s, u, n: _transport_alone(s, u, _httpx_aiohttp(n)), imports=["httpx", "httpx_aiohttp"]
    ),
    "httpx over pyreqwest": Candidate(
        open=lambda s, u, n: _client_over(s, u, _httpx_pyreqwest(n)), imports=["httpx", "pyreqwest.client"]
    ),
    "pyreqwest, transport alone": Candidate(
        open=lambda s, u, n: _transport_alone(s, u, _httpx_pyreqwest(n)), imports=["httpx", "pyreqwest.client"]
    ),
    "ours, transport alone": Candidate(
        open=lambda s, u, n: _transport_alone(s, u, _ours(n)), imports=["httpx", "reconcile.providers.http.transport"]
    ),
    "ours, whole": Candidate(open=_whole, imports=["reconcile.providers.http.client"]),
    "ours, whole and traced": Candidate(
        open=_traced, imports=["reconcile.providers.http.client", "reconcile.telemetry.otel"]
    ),
    "aiohttp": Candidate(open=_aiohttp, imports=["aiohttp"]),
    "pyreqwest": Candidate(open=_pyreqwest, imports=["pyreqwest.client"]),
}


async def _measure(candidate: Candidate, url: str, *, concurrency: int, requests: int) -> dict[str, float]:
    async with AsyncExitStack() as stack:
        send = await candidate.open(stack, url, concurrency)
        left = 0

        async def work() -> None:
            nonlocal left
            while left > 0:
                left -= 1
                assert await send() == BODY_LENGTH, "a body was cut"

        async def load(amount: int) -> None:
            nonlocal left
            left = amount
            async with asyncio.TaskGroup() as tasks:
                for _ in range(concurrency):
                    tasks.create_task(work())

        await load(max(200, 2 * concurrency))
        wall, cpu = time.perf_counter(), time.process_time()
        await load(requests)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024)
    return {"per_second": requests / wall, "cpu_us": cpu / requests * 1e6, "rss_mb": peak}


async def _end_under_way(candidate: Candidate) -> None:
    """Cancel requests that wait and requests that are being answered, close the client and end, as on SIGTERM."""
    is_silent = itertools.cycle([False, True])

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Cancelled with the loop, as all tasks are; asyncio's own callback would print that.
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await reader.readuntil(b"\r\n\r\n")
            if next(is_silent):
                await asyncio.sleep(60)
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while not writer.is_closing():
                writer.write(b"10000\r\n" + b"a" * 65536 + b"\r\n")
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}{PATH}"
    with suppress(TimeoutError):
        async with AsyncExitStack() as stack:
            send = await candidate.open(stack, url, 20)
            async with asyncio.timeout(0.2), asyncio.TaskGroup() as tasks:
                for _ in range(20):
                    tasks.create_task(_ignoring_failures(send))
    server.close()


async def _ignoring_failures(send: Send) -> None:
    from reconcile.errors import ProviderError

    while True:
        with suppress(ProviderError):
            await send()


def _abnormal_endings(client: str) -> int:
    """Return how many of ENDINGS processes hung or died of a signal when they ended with requests in flight."""
    abnormal = 0
    for _ in range(ENDINGS):
        child = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.http", "--client", client, "--end"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            abnormal += child.wait(timeout=15) != 0
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
            abnormal += 1
    return abnormal


def _import_ms(modules: Sequence[str]) -> float:
    """Return the wall time that a process pays for *modules*, over an empty interpreter; the best of five."""

    def best(code: str) -> float:
        samples = []
        for _ in range(5):
            started = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            samples.append(time.perf_counter() - started)
        return min(samples)

    return (best(f"import asyncio, ssl, {', '.join(modules)}") - best("import asyncio, ssl")) * 1e3


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The medians for one client at one concurrency."""

    client: str
    concurrency: int
    per_second: float
    cpu_us: float
    cpu_ratio: float
    cpu_ratio_httpx: float | None
    """None where that client was not measured."""
    rss_mb: float
    abnormal_endings: int


def _child(client: str, url: str, concurrency: int, requests: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.http", "--client", client, "--url", url]
    command += ["--concurrency", str(concurrency), "--requests", str(requests)]
    # A process may print its figures and die at interpreter exit; both are counted.
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if not done.stdout:
        raise RuntimeError(f"{client} was not measured: {done.stderr[-500:]}")
    result: dict[str, float] = json.loads(done.stdout)
    result["abnormal"] = float(done.returncode != 0)
    return result


def _rows(clients: Sequence[str], url: str, *, concurrency: int, requests: int, repeat: int) -> list[Row]:
    # Repetitions go round the clients, so that a neighbour's load hits all of them alike.
    samples: dict[str, list[dict[str, float]]] = {client: [] for client in clients}
    for _ in range(repeat):
        for client in clients:
            samples[client].append(_child(client, url, concurrency, requests))
    middle = {
        client: {name: statistics.median(sample[name] for sample in of_client) for name in of_client[0]}
        for client, of_client in samples.items()
    }
    control = middle[CONTROL]["cpu_us"]
    second = middle[SECOND_CONTROL]["cpu_us"] if SECOND_CONTROL in middle else None
    return [
        Row(
            client=client,
            concurrency=concurrency,
            per_second=round(of_client["per_second"]),
            cpu_us=round(of_client["cpu_us"], 1),
            cpu_ratio=round(of_client["cpu_us"] / control, 2),
            cpu_ratio_httpx=round(of_client["cpu_us"] / second, 2) if second else None,
            rss_mb=round(of_client["rss_mb"], 1),
            abnormal_endings=int(sum(sample["abnormal"] for sample in samples[client])),
        )
        for client, of_client in middle.items()
    ]


def compare(
    clients: Sequence[str], *, concurrencies: Sequence[int], requests: int, repeat: int, latency_ms: float
) -> dict[str, object]:
    """Measure each client in separate processes, print the table and return the content of the last line."""
    command = [sys.executable, "-m", "benchmarks.http", "--serve", "--latency-ms", str(latency_ms)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{int(server.stdout.readline())}{PATH}"
        rows = [
            row
            for concurrency in concurrencies
            for row in _rows(clients, url, concurrency=concurrency, requests=requests, repeat=repeat)
        ]
    finally:
        server.terminate()
        server.wait()
    import_ms = {client: round(_import_ms(CANDIDATES[client].imports)) for client in clients}
    endings = {
        client: _abnormal_endings(client) for client in ("pyreqwest", "aiohttp", "ours, whole") if client in clients
    }
    ratios = f"{'x ' + CONTROL:>11}{'x ' + SECOND_CONTROL:>9}"
    print(f"{'client':<32}{'at once':>8}{'req/s':>8}{'CPU us':>8}{ratios}{'RSS MB':>8}{'import ms':>11}")
    for row in rows:
        print(
            f"{row.client:<32}{row.concurrency:>8}{row.per_second:>8.0f}{row.cpu_us:>8.0f}{row.cpu_ratio:>11.2f}"
            f"{row.cpu_ratio_httpx or 0.0:>9.2f}"
            f"{row.rss_mb:>8.1f}{import_ms[row.client]:>11}"
        )
    for client, abnormal in endings.items():
        print(f"{client}: {abnormal} of {ENDINGS} processes that ended with requests under way ended abnormally")
    for row in rows:
        if row.abnormal_endings:
            ended = f"{row.abnormal_endings} of {repeat} died of a signal after measuring {row.concurrency} at once"
            print(f"{row.client}: {ended}")
    return {
        "control": CONTROL,
        "second_control": SECOND_CONTROL,
        "rows": [asdict(row) for row in rows],
        "import_ms": import_ms,
        "endings": ENDINGS,
        "abnormal_endings": endings,
    }


def main() -> None:
    """Compare the clients, or be one of the processes that the comparison starts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--concurrency", type=int, nargs="*", default=[10, 50, 200])
    parser.add_argument("--requests", type=int, default=1500)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--latency-ms", type=float, default=0.0)
    parser.add_argument("--clients", nargs="+", choices=CANDIDATES, help="by default all that are installed")
    for own in ("--client", "--url"):
        parser.add_argument(own, help=argparse.SUPPRESS)
    for own in ("--serve", "--end"):
        parser.add_argument(own, action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        asyncio.run(_serve(options.latency_ms / 1e3))
    elif options.end:
        asyncio.run(_end_under_way(CANDIDATES[options.client]))
    elif options.client:
        candidate, concurrency = CANDIDATES[options.client], options.concurrency[0]
        measured = asyncio.run(_measure(candidate, options.url, concurrency=concurrency, requests=options.requests))
        print(json.dumps(measured), flush=True)
    else:
        concurrencies, latency_ms = options.concurrency, options.latency_ms
        result = compare(
            options.clients or [client for client, candidate in CANDIDATES.items() if candidate.is_installed],
            concurrencies=concurrencies,
            requests=options.requests,
            repeat=options.repeat,
            latency_ms=latency_ms,
        )
        print(json.dumps(result))


if __name__ == "__main__":
    main()
