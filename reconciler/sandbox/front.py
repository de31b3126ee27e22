"""The HTTP side of the sandbox: requests in, log, latency, faults, answers out."""

import asyncio
import logging
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache

from aiohttp import web

from reconciler.sandbox import control
from reconciler.sandbox.arriving import Arrivals
from reconciler.sandbox.grants import shortened
from reconciler.sandbox.log import Entry, safe_body, safe_headers
from reconciler.sandbox.misbehaving import Cut, Drip, Sent, misbehave
from reconciler.sandbox.pausing import Latency, Pauses
from reconciler.sandbox.platform import Platform, Route
from reconciler.sandbox.reply import Reply, oauth_error
from reconciler.sandbox.routes import ROUTES
from reconciler.sandbox.service import Request, execute, hashed_bearer
from reconciler.sandbox.short_way import Usual, at_once, spell_answer

_LOG = logging.getLogger(__name__)
_NOW_OR_NEVER = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Front:
    """Answers requests, each after the time that a call takes: what the sandbox itself takes is part of that."""

    tpp: Platform
    latency: Latency = field(default_factory=Latency)
    pauses: Pauses = field(default_factory=Pauses)
    arrivals: Arrivals = field(default_factory=Arrivals)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        loop = asyncio.get_running_loop()
        due = self.arrivals.last(request.protocol) + self.latency.next()
        path = request.path.rstrip("/").lower()
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return self._response(Reply(413))
        if path.startswith("/sandbox"):
            return self._response(control.answer(self.tpp, request, path, body))
        route = ROUTES.get(path)
        entry = self._note(
            method=request.method,
            path=request.path,
            operation=route.operation if route else "",
            headers=safe_headers(request.raw_headers),
            body=safe_body(body) if path.startswith("/vedauth") else body,
            hashed=hashed_bearer(request.headers.get("Authorization", "")),
        )
        if self.latency.seconds:
            await self.pauses.until(self.latency.early(due))
        sent = await self._carry_out(route, request, body, entry)
        response = await self._send(request, entry, sent)
        self.latency.answered(loop.time() - due, self.pauses.waiting)
        return response

    def answer_at_once(self, usual: Usual, body: bytes, transport: asyncio.Transport) -> bool:
        """Answer a usual request now. False when it takes its time or something may go wrong: `handle` answers it."""
        if self.latency.seconds or self.tpp.faults.rules:
            return False
        route = usual.route
        entry = self._note(
            method=route.method,
            path=usual.path,
            operation=route.operation,
            headers=usual.headers,
            body=body,
            hashed=usual.hashed,
        )
        asked = Request(usual.hashed, body, _subject(transport))
        try:
            reply = at_once(execute(self.tpp, route, asked))
        except Exception:  # noqa: BLE001 - logged and answered as aiohttp does for the ordinary way
            _LOG.exception("Error handling request")
            broken = Reply(500, b"500 Internal Server Error", "text/plain; charset=utf-8", {"Connection": "close"})
            transport.write(spell_answer(broken.status, self._headers(broken), broken.body))
            transport.close()
            return True
        entry.effect, entry.result, entry.status = reply.effect, reply.result, reply.status
        transport.write(spell_answer(reply.status, self._headers(reply), reply.body))
        return True

    def _note(
        self,
        *,
        method: str,
        path: str,
        operation: str,
        headers: Mapping[str, str],
        body: bytes,
        hashed: str | None,
    ) -> Entry:
        token = None if hashed is None else shortened(hashed)
        entry = Entry(0, self.tpp.clock.now(), method, path, operation, headers, body, token)
        self.tpp.log.open(entry)
        return entry

    async def _carry_out(self, route: Route | None, request: web.BaseRequest, body: bytes, entry: Entry) -> Sent:
        if route is None:
            return oauth_error(404, "not_found", "There is no such resource")
        if request.method != route.method:
            return Reply(405, headers={"Allow": route.method})

        async def run() -> Reply:
            hashed = hashed_bearer(request.headers.get("Authorization", ""))
            reply = await execute(self.tpp, route, Request(hashed, body, _subject(request.transport)))
            entry.effect, entry.result = reply.effect, reply.result
            return reply

        rule = self.tpp.faults.pick(route.operation, entry.guid) if self.tpp.faults.rules else None
        if rule is None:
            return await run()
        entry.fault = rule.name or type(rule.fault).__name__.lower()
        return await misbehave(rule.fault, run, self.pauses.last)

    async def _send(self, request: web.BaseRequest, entry: Entry, sent: Sent) -> web.StreamResponse:
        match sent:
            case Reply():
                entry.status = sent.status
                return self._response(sent)
            case Cut(data, reset):
                entry.status = 0
                _cut(request.transport, data, reset=reset)
                return web.Response()
            case Drip(reply, seconds):
                entry.status = reply.status
                return await self._drip(request, reply, seconds)

    async def _drip(self, request: web.BaseRequest, reply: Reply, seconds: float) -> web.StreamResponse:
        response = web.StreamResponse(status=reply.status, headers={"Content-Type": reply.content_type})
        response.content_length = len(reply.body)
        await response.prepare(request)
        for index in range(len(reply.body)):
            await self.pauses.last(seconds)
            if self.pauses.over.is_set():
                break
            await response.write(reply.body[index : index + 1])
        return response

    def _response(self, reply: Reply) -> web.Response:
        return web.Response(status=reply.status, body=reply.body, headers=self._headers(reply))

    def _headers(self, reply: Reply) -> Mapping[str, str]:
        return {
            "Content-Type": reply.content_type,
            "Server": "Microsoft-IIS/10.0",
            "Date": _http_date(self.tpp.clock.now().replace(microsecond=0)),
            **reply.headers,
        }


@lru_cache(maxsize=4)
def _http_date(moment: datetime) -> str:
    return format_datetime(moment, usegmt=True)


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
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NOW_OR_NEVER)
    transport.abort()
