"""Build a sandbox from its seed or its state, and run it in a thread: `with running_sandbox() as sandbox`."""

import asyncio
import sqlite3
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import msgspec
from aiohttp import web

from reconciler.codec import json_line
from reconciler.errors import InvalidInput
from reconciler.model.decision import Problem, Source
from reconciler.sandbox.certificates import Certificates
from reconciler.sandbox.change_systems import ChangeSystems
from reconciler.sandbox.clock import Now, RealTime, SandboxClock
from reconciler.sandbox.fault_injection import Faults
from reconciler.sandbox.grants import Grants, new_secret
from reconciler.sandbox.http_app import HttpApp
from reconciler.sandbox.identities import Directory
from reconciler.sandbox.log import Log
from reconciler.sandbox.platform import Platform
from reconciler.sandbox.seed import APPROVER, FULL_SCOPE, Seed, TicketSeed
from reconciler.sandbox.store import NoStore, SqliteStore, StateStore
from reconciler.sandbox.world import World


def server_context(certificate: Path, key: Path | None = None, client_ca: Path | None = None) -> ssl.SSLContext:
    """Return the context of a TLS server; with `client_ca` clients may show a certificate that this CA signed.

    A certificate is asked for and not required, as TPP does. Raises InvalidInput for files that don't work.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key)
    except OSError as error:
        raise _unusable(certificate, f"the TLS certificate or its key can't be used: {error}") from error
    if client_ca is not None:
        try:
            context.load_verify_locations(client_ca)
        except OSError as error:
            raise _unusable(client_ca, f"the CA of client certificates can't be used: {error}") from error
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


def _unusable(path: Path, message: str) -> InvalidInput:
    hint = "give PEM files that belong together with --tls-cert, --tls-key and --client-ca"
    return InvalidInput((Problem("sandbox/tls", Source(str(path)), message, hint),))


def build(seed: Seed, store: StateStore, clock: Now) -> tuple[Platform, str]:
    """Make the platform that `seed` describes, or that `store` remembers, and an access token for it."""
    settings = dict(store.items("settings"))
    own_clock = SandboxClock(clock, timedelta(seconds=float(settings.get("offset", "0"))))
    own_clock.moved = lambda offset: store.put("settings", "offset", str(offset.total_seconds()))
    directory = Directory()
    directory.extend(seed.identities)
    caller = directory.find(APPROVER.name) or next(iter(seed.identities), APPROVER)
    world = World(own_clock, seed.behaviour, directory, store, default_approvers=(caller.universal,))
    grants = Grants(own_clock, seed.behaviour, store)
    tpp = Platform(own_clock, seed.behaviour, directory, world, grants, seed, Certificates(store))
    try:
        restored = world.restore()
        grants.restore()
        tpp.certificates.restore()
    except msgspec.MsgspecError:
        raise sqlite3.DatabaseError("it was written by another version") from None
    if not restored:
        _plant(tpp, seed)
    token = seed.tokens[0].token if seed.tokens else issue(tpp, FULL_SCOPE, caller.universal, None)
    return tpp, token


def _plant(tpp: Platform, seed: Seed) -> None:
    for certificate in seed.objects:
        tpp.certificates.add(certificate, tpp.clock.now())
    for ticket in sorted(seed.tickets, key=lambda ticket: ticket.new):
        if not ticket.new:
            _add(tpp.world, ticket)
    for token in seed.tokens:
        identity = tpp.directory.find(token.identity)
        tpp.grants.take(
            identity.universal if identity else token.identity,
            token.application,
            token.scope,
            seen=tpp.world.serial,
            token=token.token,
            lifetime=token.lifetime,
        )
    for ticket in seed.tickets:
        if ticket.new:
            _add(tpp.world, ticket)
    tpp.world.store.put("settings", "planted", json_line(True))


def _add(world: World, ticket: TicketSeed) -> None:
    world.add_ticket(
        ticket.guid,
        object=ticket.object,
        workflow=ticket.workflow,
        approvers=ticket.approvers,
        denied=ticket.denied,
        reason=ticket.reason,
        status=ticket.status,
        schedule=ticket.schedule,
        explanation=ticket.explanation,
        user_data=ticket.user_data,
        stage=ticket.stage,
        created=world.clock.now() - ticket.age,
        new=ticket.new,
    )


def issue(tpp: Platform, scope: str, identity: str, lifetime: timedelta | None) -> str:
    """Return a new access token for an identity in any spelling."""
    known = tpp.directory.find(identity)
    universal = known.universal if known else identity
    token = new_secret()
    tpp.grants.take(universal, "reconciler", scope, seen=tpp.world.serial, token=token, lifetime=lifetime)
    return token


KEEP_ALIVE = 75
"""After how many seconds without a request a connection is closed."""


@dataclass(frozen=True, slots=True)
class Listening:
    """Where and how to listen. Port 0 takes a free one, `latency` is in seconds per call.

    `tick` is how often, in seconds, TPP processes tickets by itself: None for never (a test calls `world.process()`),
    0 for at once after every update. `changes` are systems of change records to play as well.
    """

    host: str = "127.0.0.1"
    port: int = 0
    tls: ssl.SSLContext | None = None
    latency: float = 0.0
    tick: float | None = None
    changes: ChangeSystems | None = None


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running sandbox: its address, an access token that may approve, and everything inside."""

    url: str
    token: str = field(repr=False)
    tpp: Platform = field(repr=False)

    @property
    def world(self) -> World:
        """The tickets."""
        return self.tpp.world

    @property
    def certificates(self) -> Certificates:
        """The objects that tickets stop."""
        return self.tpp.certificates

    @property
    def log(self) -> Log:
        """What was received."""
        return self.tpp.log

    @property
    def faults(self) -> Faults:
        """What goes wrong."""
        return self.tpp.faults

    @property
    def clock(self) -> SandboxClock:
        """The time."""
        return self.tpp.clock

    @property
    def grants(self) -> Grants:
        """The tokens."""
        return self.tpp.grants

    def issue(
        self, scope: str = FULL_SCOPE, *, identity: str = APPROVER.name, lifetime: timedelta | None = None
    ) -> str:
        """Return a new access token for an identity in any spelling."""
        return issue(self.tpp, scope, identity, lifetime)


@contextmanager
def running_sandbox(
    seed: Seed | None = None,
    *,
    clock: Now | None = None,
    state: Path | None = None,
    listening: Listening | None = None,
) -> Iterator[Sandbox]:
    """Run a sandbox in a thread until the block ends. Without `state` it forgets everything.

    Raises OSError when the address can't be listened on, sqlite3.Error when `state` is no state file.
    """
    seed, listening = seed or Seed(), listening or Listening()
    store: StateStore = NoStore() if state is None else SqliteStore(state)
    try:
        tpp, token = build(seed, store, clock or RealTime())
        tpp.world.immediate = listening.tick == 0
        with _serving(tpp, listening) as url:
            yield Sandbox(url, token, tpp)
    finally:
        store.close()


_Started = Future[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]]
"""Where the sandbox listens, on which loop, and what ends it."""


@contextmanager
def _serving(tpp: Platform, listening: Listening) -> Iterator[str]:
    started: _Started = Future()
    thread = threading.Thread(target=_run, args=(tpp, listening, started), name="sandbox", daemon=True)
    thread.start()
    try:
        url, loop, over = started.result()
    except BaseException:
        thread.join()
        raise
    try:
        yield url
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()


def _run(tpp: Platform, listening: Listening, started: _Started) -> None:
    try:
        asyncio.run(_serve(tpp, listening, started))
    except Exception as error:
        if started.done():
            raise
        started.set_exception(error)


async def _serve(tpp: Platform, listening: Listening, started: _Started) -> None:
    app = HttpApp(tpp, listening.latency, listening.changes)
    server = web.Server(app.handle, access_log=None, keepalive_timeout=KEEP_ALIVE)
    runner = web.ServerRunner(server, shutdown_timeout=0.1)
    await runner.setup()
    ticking: asyncio.Task[None] | None = None
    socket: asyncio.Server | None = None
    loop = asyncio.get_running_loop()
    try:
        socket = await loop.create_server(server, listening.host, listening.port, ssl=listening.tls)
        host, port, *_ = socket.sockets[0].getsockname()
        if listening.tick:
            ticking = asyncio.create_task(_tick(tpp.world, listening.tick))
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        started.set_result((f"{'https' if listening.tls else 'http'}://{address}", loop, app.over))
        await app.over.wait()
    finally:
        if ticking:
            ticking.cancel()
        if socket:
            socket.close()
        transports = [connection.transport for connection in server.connections]
        await runner.cleanup()
        await _abort(transports)


async def _abort(transports: list[asyncio.Transport | None]) -> None:
    # A TLS connection waits for its peer's close_notify, which a client that is gone never sends.
    for transport in transports:
        if transport is not None:
            transport.abort()
    for _ in range(3):
        await asyncio.sleep(0)


async def _tick(world: World, seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        world.process()
