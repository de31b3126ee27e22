"""The HTTP side of the sandbox: requests in, log, latency, faults, answers out."""

import asyncio
import socket
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime

from aiohttp import web

from reconciler.sandbox import change_systems, control
from reconciler.sandbox.fault_injection import Cut, Drip, Sent, misbehave, without_effect
from reconciler.sandbox.grants import shortened
from reconciler.sandbox.log import Entry, safe_body, safe_headers
from reconciler.sandbox.platform import Incoming, Platform, Route, execute, hashed_bearer
from reconciler.sandbox.routes import find_route
from reconciler.sandbox.wire import Response, oauth_error

_NO_SLASH = b"There is no operation listening for this address."
"""What the search answers without the slash before its query (page: HEAD Certificates)."""
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER with a time of zero: closing sends a TCP reset."""


@dataclass(slots=True)
class HttpApp:
    """Answers requests, each at least `latency` seconds after it came. Nobody waits any more once `over` is set."""

    tpp: Platform
    latency: float = 0.0
    changes: change_systems.ChangeSystems | None = None
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        path = request.path.rstrip("/").lower()
        await self.tpp.finish_due()
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return self._response(Response(413))
        if path.startswith("/sandbox"):
            return self._response(control.answer(self.tpp, request, path, body))
        if self.changes is not None and path.startswith(change_systems.PATHS):
            asked = (request.method, request.path, request.query, request.headers, body)
            return self._response(change_systems.answer(self.changes, *asked))
        route, rest = find_route(request.path)
        hashed = hashed_bearer(request.headers.get("Authorization", ""))
        entry = Entry(
            number=0,
            at=self.tpp.clock.now(),
            method=request.method,
            path=request.path,
            operation=route.operation if route else "",
            headers=safe_headers(request.raw_headers),
            body=safe_body(body) if path.startswith("/vedauth") else body,
            token=None if hashed is None else shortened(hashed),
        )
        self.tpp.log.open(entry)
        await self.pause(self.latency)
        sent = await self._carry_out(route, request, _incoming(request, hashed, body, rest), entry)
        return await self._send(request, entry, sent)

    async def pause(self, seconds: float) -> None:
        """Wait for some seconds, or until the sandbox stops."""
        if seconds:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.over.wait(), seconds)

    async def _carry_out(self, route: Route | None, request: web.BaseRequest, asked: Incoming, entry: Entry) -> Sent:
        if route is None and request.path.lower() == "/vedsdk/certificates":
            return Response(307, _NO_SLASH, "text/html", {"Location": f"{request.path}/?{request.query_string}"})
        if route is None:
            return oauth_error(404, "not_found", "There is no such resource")
        if request.method != route.method:
            return Response(405, headers={"Allow": route.method})

        async def run() -> Response:
            reply = await execute(self.tpp, route, asked)
            entry.effect, entry.result = reply.effect, reply.result
            return reply

        rule = self.tpp.faults.pick(route.operation, entry.guid) if self.tpp.faults.rules else None
        if rule is None:
            return await run()
        entry.fault = rule.name or type(rule.fault).__name__.lower()
        if rule.late:
            self.tpp.unfinished.append((self.tpp.clock.now() + timedelta(seconds=rule.late), run))
            return await misbehave(without_effect(rule.fault), run, self.pause)
        return await misbehave(rule.fault, run, self.pause)

    async def _send(self, request: web.BaseRequest, entry: Entry, sent: Sent) -> web.StreamResponse:
        match sent:
            case Response():
                entry.status = sent.status
                return self._response(sent)
            case Cut(data, reset):
                entry.status = 0
                _cut(request.transport, data, reset=reset)
                return web.Response()
            case Drip(reply, seconds):
                entry.status = reply.status
                return await self._drip(request, reply, seconds)

    async def _drip(self, request: web.BaseRequest, reply: Response, seconds: float) -> web.StreamResponse:
        response = web.StreamResponse(status=reply.status, headers={"Content-Type": reply.content_type})
        response.content_length = len(reply.body)
        await response.prepare(request)
        for index in range(len(reply.body)):
            await self.pause(seconds)
            if self.over.is_set():
                break
            await response.write(reply.body[index : index + 1])
        return response

    def _response(self, reply: Response) -> web.Response:
        headers = {
            "Content-Type": reply.content_type,
            "Server": "Microsoft-IIS/10.0",
            "Date": format_datetime(self.tpp.clock.now().replace(microsecond=0), usegmt=True),
            **reply.headers,
        }
        return web.Response(status=reply.status, body=reply.body, headers=headers)


def _incoming(request: web.BaseRequest, hashed: str | None, body: bytes, rest: str) -> Incoming:
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    return Incoming(
        hashed,
        body,
        subject=_subject(request.transport),
        negotiate=credentials.strip() if scheme.lower() == "negotiate" else None,
        origin=f"{request.scheme}://{request.host}",
        form=request.content_type == "application/x-www-form-urlencoded",
        rest=rest,
        query=tuple(request.query.items()),
    )


def _subject(transport: asyncio.Transport | None) -> str | None:
    certificate = transport.get_extra_info("peercert") if transport else None
    if not certificate:
        return None
    names: Mapping[str, str] = {key: value for part in certificate.get("subject", ()) for key, value in part}
    return names.get("commonName")


def _cut(transport: asyncio.Transport | None, data: bytes, *, reset: bool) -> None:
    if transport is None:
        return
    if data:
        transport.write(data)
        transport.close()
        return
    if reset:
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()
