"""Building a sandbox's platform from its seed or from its state."""

import json
import secrets
from datetime import timedelta

from reconciler.sandbox.clock import Now, SandboxClock
from reconciler.sandbox.grants import Grants
from reconciler.sandbox.identities import Directory
from reconciler.sandbox.platform import Platform
from reconciler.sandbox.seed import APPROVER, FULL_SCOPE, Seed, TicketSeed
from reconciler.sandbox.store import Store
from reconciler.sandbox.world import World


def build(seed: Seed, store: Store, clock: Now) -> tuple[Platform, str]:
    """Make the platform that `seed` describes, or that `store` remembers, and an access token for it."""
    settings = dict(store.items("settings"))
    own_clock = SandboxClock(clock, timedelta(seconds=float(settings.get("offset", "0"))))
    own_clock.moved = lambda offset: store.put("settings", "offset", str(offset.total_seconds()))
    directory = Directory()
    directory.extend(seed.identities)
    caller = directory.find(APPROVER.name) or next(iter(seed.identities), APPROVER)
    world = World(own_clock, seed.behaviour, directory, store, default_approvers=(caller.universal,))
    grants = Grants(own_clock, seed.behaviour, store)
    tpp = Platform(own_clock, seed.behaviour, directory, world, grants, seed.ways_in)
    if world.restore():
        grants.restore()
    else:
        _plant(tpp, seed)
    token = seed.tokens[0].token if seed.tokens else issue(tpp, FULL_SCOPE, caller.universal, None)
    return tpp, token


def _plant(tpp: Platform, seed: Seed) -> None:
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
    tpp.world.store.put("settings", "planted", json.dumps(True))


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
    token = secrets.token_urlsafe(18)
    tpp.grants.take(universal, "reconciler", scope, seen=tpp.world.serial, token=token, lifetime=lifetime)
    return token
