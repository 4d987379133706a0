"""The server of ``reconcile serve``: page, status and metrics, read-only."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

from aiohttp import web

from reconcile.errors import RequestError
from reconcile.page.auth import PageAuth
from reconcile.page.cache import DocumentCache
from reconcile.page.connections import ConnectionLimits, most_connections
from reconcile.page.documents import FIRST_SPAN, METRICS, SPANS, STATUS, Document, Sources, make_document
from reconcile.page.render import policy
from reconcile.page.svg import warm_up
from reconcile.ports import Clock

_GOODBYE = 2.0
_LOOK_EVERY = 0.25
_HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": f"{policy(is_live=True)}; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Server": "reconcile",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_ASK = {"WWW-Authenticate": 'Basic realm="reconcile: any user name, the token as password", charset="UTF-8"'}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def serve(  # noqa: PLR0913 - what a server is made of
    auth: PageAuth,
    *,
    port: int,
    sources: Sources,
    clock: Clock,
    logger: logging.Logger,
    on_ready: Callable[[str], None],
) -> None:
    """Serve until the task is canceled; *on_ready* receives the address.

    Raises RequestError if the address is not available or no chart can be drawn.
    """
    await asyncio.to_thread(warm_up)

    async def make(name: str) -> Document:
        return await make_document(name, sources=sources, clock=clock)

    limits = ConnectionLimits[web.RequestHandler](most=most_connections())
    runner = web.AppRunner(
        application(auth, DocumentCache(make=make, clock=clock), limits=limits, clock=clock),
        access_log=None,
        handle_signals=False,
        logger=logger,
        shutdown_timeout=_GOODBYE,
        lingering_time=_GOODBYE,
    )
    try:
        await runner.setup()
        try:
            await web.TCPSite(runner, auth.host, port).start()
        except OSError as error:
            raise RequestError(
                f"{auth.host} port {port} cannot be opened ({error.strerror}); give another --host or --port"
            ) from error
        host, taken = runner.addresses[0][:2]
        on_ready(f"http://[{host}]:{taken}/" if ":" in host else f"http://{host}:{taken}/")
        await _close_overdue(runner, limits, clock)
    finally:
        await runner.cleanup()


async def _close_overdue(runner: web.AppRunner, limits: ConnectionLimits[web.RequestHandler], clock: Clock) -> None:
    """Close slow connections until the task is canceled, because they would use up the open files."""
    while True:
        await asyncio.sleep(_LOOK_EVERY)
        server = runner.server
        for connection in limits.overdue(server.connections, clock.monotonic()) if server else ():
            transport = connection.transport
            connection.force_close()
            if transport is not None:
                transport.abort()  # an unread response is not waited for


def application(
    auth: PageAuth, cache: DocumentCache, *, limits: ConnectionLimits[web.RequestHandler], clock: Clock
) -> web.Application:
    """Return the paths, guarded by *auth*."""

    async def show(request: web.Request) -> web.Response:
        chosen = request.query.get("span", FIRST_SPAN)
        if chosen not in SPANS:
            return _text_response(HTTPStatus.BAD_REQUEST, f"span must be one of {', '.join(SPANS)}")
        return _response(await cache.document(chosen))

    async def show_document(request: web.Request) -> web.Response:
        return _response(await cache.document(request.path))

    async def live(_: web.Request) -> web.Response:
        return _text_response(HTTPStatus.OK, "ok")

    @web.middleware
    async def limit(request: web.Request, handler: Handler) -> web.StreamResponse:
        limits.begin(request.protocol, clock.monotonic())
        try:
            return await handler(request)
        finally:
            limits.end(request.protocol, clock.monotonic())

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        return _refusal(request, auth) or await handler(request)

    app = web.Application(middlewares=[limit, guard])
    app.router.add_get("/", show)
    app.router.add_get(STATUS, show_document)
    app.router.add_get(METRICS, show_document)
    app.router.add_get("/healthz", live)
    app.on_response_prepare.append(_with_headers)
    return app


def _refusal(request: web.Request, auth: PageAuth) -> web.Response | None:
    """Return the response to a refused request."""
    if not auth.knows_host(request.headers.get("Host", "")):
        return _text_response(HTTPStatus.MISDIRECTED_REQUEST, "the Host header does not name this machine")
    if request.method not in {"GET", "HEAD"}:
        return _text_response(HTTPStatus.METHOD_NOT_ALLOWED, "only GET and HEAD are allowed", Allow="GET, HEAD")
    if request.path != "/healthz" and not auth.lets_in(request.headers.get("Authorization", "")):
        return _text_response(
            HTTPStatus.UNAUTHORIZED, "a token is required, as a bearer token or as the password", **_ASK
        )
    if request.path not in {"/", STATUS, METRICS, "/healthz"}:
        return _text_response(HTTPStatus.NOT_FOUND, f"the paths are /, {STATUS}, {METRICS} and /healthz")
    return None


async def _with_headers(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_HEADERS)


def _response(document: Document) -> web.Response:
    # Set as a header, for a content type with parameters is not taken as an argument.
    return web.Response(
        status=document.status,
        body=document.text.encode(),
        headers={"Content-Type": _with_charset(document.content_type)},
    )


def _with_charset(content_type: str) -> str:
    return content_type if "charset=" in content_type else f"{content_type}; charset=utf-8"


def _text_response(status: HTTPStatus, text: str, **headers: str) -> web.Response:
    return web.Response(status=status, text=f"{text}\n", headers=headers)
