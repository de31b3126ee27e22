"""Calls to TPP: one `call` owns every attempt of a request, from the token to what is known of its answer."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Lock
from typing import TypeVar

from reconciler.codec import Json
from reconciler.errors import CredentialsRefused, ServerAway, ServerFailure
from reconciler.model.settings import Requests
from reconciler.model.ticket import Guid
from reconciler.ports import Clock, Deadline
from reconciler.tpp import wire
from reconciler.tpp.absence import Absence
from reconciler.tpp.limiter import LONGEST_PAUSE, AdaptiveLimiter, Slot
from reconciler.tpp.redaction import Redactor
from reconciler.tpp.retries import RETRIES, Cure, Jitter, Kind, Shown, retry_after, shown_by, wait_before
from reconciler.tpp.token_store import CurrentToken, Token
from reconciler.tpp.transport import PLAIN_HEADERS, FailureKind, Reply, Timeouts, Transport, TransportFailure
from reconciler.tpp.wire import MEANINGS, Result


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One method of the server and its path below the address.

    `may_be_empty` when an empty body says "none", `about_ticket` when HTTP 401 with a Result refuses one ticket and
    says nothing of the token; `header` is one of the answer's that is read as if it were a member, by its name in
    lower case. A call equals itself alone: what is allowed is looked up for every call that is sent.
    """

    name: str
    method: str
    path: str
    kind: Kind = Kind.READ
    may_be_empty: bool = False
    about_ticket: bool = False
    header: str = ""


DETAILS = Call("details", "POST", "/vedsdk/Workflow/Ticket/Details", about_ticket=True)
EXISTS = Call("exists", "POST", "/vedsdk/Workflow/Ticket/Exists", about_ticket=True)
ENUMERATE = Call("enumerate", "POST", "/vedsdk/Workflow/Ticket/Enumerate")
PERMISSIONS_REFRESH = Call("permissions-refresh", "GET", "/vedsdk/Permissions/Refresh")
IDENTITY_SELF = Call("identity-self", "GET", "/vedsdk/Identity/Self")
IDENTITY_BROWSE = Call("identity-browse", "POST", "/vedsdk/Identity/Browse")
IDENTITY_VALIDATE = Call("identity-validate", "POST", "/vedsdk/Identity/Validate", may_be_empty=True)
CONFIG_READ_ALL = Call("config-read-all", "POST", "/vedsdk/Config/ReadAll")
DN_TO_GUID = Call("dn-to-guid", "POST", "/vedsdk/Config/DnToGuid", Kind.CONTEXT)
CERTIFICATES = Call("certificates", "GET", "/vedsdk/certificates/", Kind.CONTEXT, header="X-Record-Count")
CERTIFICATE = Call("certificate", "GET", "/vedsdk/certificates/", Kind.CONTEXT)
VERSION = Call("version", "GET", "/vedsdk/SystemStatus/Version")
VERIFY = Call("verify", "GET", "/vedauth/Authorize/Verify")

READS = frozenset(
    {
        DETAILS,
        EXISTS,
        ENUMERATE,
        PERMISSIONS_REFRESH,
        IDENTITY_SELF,
        IDENTITY_BROWSE,
        IDENTITY_VALIDATE,
        CONFIG_READ_ALL,
        VERSION,
        VERIFY,
    }
)
"""Everything that a session for reading can ever send. All of it is safe to repeat, the POSTs too."""

CONTEXT_READS = frozenset({DN_TO_GUID, CERTIFICATES, CERTIFICATE})
"""What is asked for the sake of reviewers. The path of the last two goes on: a query, or a GUID in braces."""

NEED_OTHER_SCOPES = CONTEXT_READS | {
    IDENTITY_SELF,
    IDENTITY_BROWSE,
    IDENTITY_VALIDATE,
    CONFIG_READ_ALL,
    PERMISSIONS_REFRESH,
}
"""The reads that may be refused where reading tickets is not: the contract 26.1 asks for `configuration`, for
Permissions/Refresh `security`, and for certificates `certificate`."""


T = TypeVar("T")
Outcome = Reply | TransportFailure
Judge = Callable[[Outcome], tuple[T, Shown | None]]
"""Turns the outcome of an attempt into a value, and what it shows when it is no usable answer."""
Parse = Callable[[wire.Members], T]

_log = logging.getLogger("reconciler.tpp")
_PUSHED_BACK = frozenset({429, 503})
_FAILURES_UNTIL_DOWN = 3
_NOTICEABLE = 1.0
"""Seconds after which whoever waits is told why."""
_NO_TOKEN = Token(-1, PLAIN_HEADERS)
_STRANGER = "check the URL; a proxy or login page may answer in the server's place"
FINAL = (FailureKind.TRUST, FailureKind.DEADLINE)
"""What no further attempt cures."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no answer.

    `systemic` when other questions will fare no better, `final` when that is certain and nothing more is asked;
    `access` when it is about token or rights, `passing` when the same question may be answered later, `large` when a
    question for less would be.
    """

    why: str
    hint: str = ""
    systemic: bool = False
    access: bool = False
    final: bool = False
    passing: bool = False
    large: bool = False

    def error(self) -> ServerFailure:
        """Return the same as an exception, for questions without which a run can't go on."""
        kind = CredentialsRefused if self.access else ServerAway if self.passing else ServerFailure
        return kind(self.why, self.hint)


@dataclass(frozen=True, slots=True)
class ClientContext:
    """What all clients of a run share: connections, token, limits and the instant at which their calls must end.

    `token` is None for calls that get one; `absence` is what they know of a server that is away.
    """

    transport: Transport
    token: CurrentToken | None
    clock: Clock
    limits: Requests
    redactor: Redactor
    deadline: Deadline
    jitter: Jitter | None = None
    absence: Absence = field(default_factory=Absence)


class Client:
    """Makes the calls that it was made for, and can't make any other. Thread-safe."""

    def __init__(
        self,
        context: ClientContext,
        limiter: AdaptiveLimiter,
        calls: frozenset[Call],
        *,
        after_deadlock: int | None = None,
        refresh_permissions: Callable[[], bool] = lambda: False,
    ) -> None:
        """`calls` is everything that will ever be allowed; `after_deadlock` the calls in flight after one."""
        self.context = context
        self.limiter = limiter
        self._calls = calls
        self._after_deadlock = after_deadlock
        self._refresh_permissions = refresh_permissions
        self._lock = Lock()
        self._failed = 0
        self._down: Failure | None = None

    def call(
        self,
        call: Call,
        body: bytes | None,
        judge: Judge[T],
        *,
        ticket: str = "",
        operation: str = "",
        rest: str = "",
    ) -> T:
        """Return what `judge` makes of a call, made again where RETRIES has a row for what an attempt shows.

        `rest` is what follows the path of the call.
        """
        if call not in self._calls:
            raise PermissionError(f"this client was not made for {call.name}")
        made, pauses = Counter[Cure](), 0
        while True:
            used = self.context.token.current() if self.context.token else _NO_TOKEN
            outcome = self._attempt(call, body, used, ticket, operation, rest)
            value, shown = judge(outcome)
            retry = RETRIES.get((call.kind, shown)) if shown else None
            if retry is None or (call.kind is Kind.UPDATE and self.context.deadline.is_near):
                return value
            if retry.waits and self.context.limits.wait > 0:
                if not self._waited(call, shown, pauses):
                    return value
                pauses += 1
            else:
                made[retry.cure] += 1
                if made[retry.cure] >= retry.attempts or not self._cured(retry.cure, made[retry.cure], used):
                    return value
            about = {"call": call.name, "ticket": ticket, "operation": operation}
            _log.info("%s is made again: %s", call.name, shown.value if shown else "", extra=about)

    def _waited(self, call: Call, shown: Shown | None, pauses: int) -> bool:
        """Wait for a server that is away, and say so if noticeable. False once it was waited for long enough."""
        clock, deadline, longest = self.context.clock, self.context.deadline, self.context.limits.wait
        now = clock.monotonic()
        since = self.context.absence.since(call.name, now)
        if since + longest <= now:
            return False
        ends_at = min(since + longest, deadline.ends_at)
        lasted = max(now - since, self.limiter.activity()[1])
        noticeable = ends_at - now > _NOTICEABLE and (pauses > 0 or lasted > _NOTICEABLE)
        if noticeable and self.context.absence.is_news(ends_at, now):
            why = "can't be reached" if shown is Shown.NOT_SENT else "answers HTTP 503"
            until = clock.now() + timedelta(seconds=ends_at - now)
            words = "the server %s; it is waited for until %s UTC, at most %g s"
            _log.warning(words, why, f"{until:%H:%M:%S}", longest)
        deadline.pause_until(min(now + self._pause_before(pauses + 1), ends_at))
        return True

    def _pause_before(self, attempt: int) -> float:
        return wait_before(attempt, self.context.jitter) if self.context.jitter else wait_before(attempt)

    def _cured(self, cure: Cure, attempt: int, refused: Token) -> bool:
        context = self.context
        match cure:
            case Cure.WAITING:
                context.deadline.pause(self._pause_before(attempt))
                return True
            case Cure.NEW_TOKEN:
                return context.token is not None and context.token.renewed(refused)
            case Cure.FRESH_PERMISSIONS:
                return self._refresh_permissions()

    def _attempt(self, call: Call, body: bytes | None, used: Token, ticket: str, operation: str, rest: str) -> Outcome:
        context, limiter = self.context, self.limiter
        slot = limiter.acquire(context.deadline)
        try:
            started = context.clock.monotonic()
            left = context.deadline.left()
            if left <= 0:
                return _out_of_time(context.deadline, sent=False)
            limits = context.limits
            timeouts = Timeouts(min(limits.connect_timeout, left), min(limits.read_timeout, left), context.deadline)
            alone = call.kind in (Kind.UPDATE, Kind.SINGLE_USE)
            if _log.isEnabledFor(logging.DEBUG):
                _log.debug("%s begins", call.name, extra={"call": call.name, "ticket": ticket, "operation": operation})
            outcome = context.transport.send(call.method, call.path + rest, used.headers, body, timeouts, alone=alone)
            self._note(call, slot, outcome, used, started)
            if isinstance(outcome, TransportFailure) and outcome.sent and context.deadline.left() <= 0:
                outcome = _out_of_time(context.deadline, sent=True)
        finally:
            limiter.release()
        if _log.isEnabledFor(logging.DEBUG):
            seconds = context.clock.monotonic() - started
            _log_call(call, outcome, seconds, {"ticket": ticket, "operation": operation})
        return outcome

    def _note(self, call: Call, slot: Slot, outcome: Outcome, used: Token, started: float) -> None:
        """Have the limiter, the token and whoever waits for the server learn from an outcome."""
        self._note_absence(call, outcome, started)
        match outcome:
            case Reply(status, headers) if status in _PUSHED_BACK:
                pause = min(
                    retry_after(headers.get("Retry-After"), self.context.clock.now()), self._longest(call, status)
                )
                self.limiter.pushed_back(slot, pause=pause)
                _log.info("the server pushed back with HTTP %d, pause of %g s", status, pause)
            case Reply(500, _, body) if is_deadlock(body):
                self.limiter.pushed_back(slot, down_to=self._after_deadlock)
            case Reply(504) | TransportFailure(_, FailureKind.TIMEOUT):
                self.limiter.pushed_back(slot)
            case Reply(status) if status < 500:
                self.limiter.succeeded()
        if isinstance(outcome, Reply) and outcome.status != 401 and self.context.token is not None:
            self.context.token.worked(used)

    def _note_absence(self, call: Call, outcome: Outcome, started: float) -> None:
        absence = self.context.absence
        if not isinstance(outcome, Reply):
            if not outcome.sent and outcome.kind not in FINAL:
                absence.noticed(call.name, started, connected=False)
        elif shown_by(outcome.status) is Shown.AWAY:
            absence.noticed(call.name, started, connected=True)
        else:
            absence.ended(call.name)

    def _longest(self, call: Call, status: int) -> float:
        """Seconds of a Retry-After that are waited: one of a server that is away does not outlast `requests.wait`."""
        longest, now = self.context.limits.wait, self.context.clock.monotonic()
        if shown_by(status) is not Shown.AWAY or not longest:
            return LONGEST_PAUSE
        return min(LONGEST_PAUSE, max(self.context.absence.since(call.name, now) + longest - now, 0.0))

    # Questions: calls that are safe to repeat.

    def ask(self, call: Call, members: Mapping[str, Json] | None, parse: Parse[T], rest: str = "") -> T | Failure:
        """Return what `parse` makes of the answer, which it refuses with BadAnswer, or why there is none.

        When questions fail one after the other because of the network or the whole server, it stops asking: every
        further question fails at once with the same words.
        """
        return self._ask(call, None if members is None else wire.encode(members), parse, rest=rest)

    def ask_about(self, ticket: Guid, call: Call, parse: Parse[T]) -> T | Failure:
        """Ask a question that consists of nothing but the GUID of a ticket, as most do."""
        return self._ask(call, wire.ticket_body(ticket), parse, ticket=ticket)

    def _ask(self, call: Call, body: bytes | None, parse: Parse[T], *, ticket: str = "", rest: str = "") -> T | Failure:
        if self._down is not None:
            return self._down
        answer = self.call(call, body, lambda outcome: self._judge(call, outcome, parse), ticket=ticket, rest=rest)
        if not isinstance(answer, Failure):
            self._failed = 0
            return answer
        with self._lock:
            self._failed += 1
            if answer.systemic and (answer.final or self._failed >= _FAILURES_UNTIL_DOWN):
                self._down = answer
        return answer

    def _judge(self, call: Call, outcome: Outcome, parse: Parse[T]) -> tuple[T | Failure, Shown | None]:
        if isinstance(outcome, TransportFailure):
            return self._unanswered(outcome)
        if outcome.status != 200 and not says_result(call, outcome):
            return self._refused(call, outcome)
        try:
            if call.may_be_empty and not outcome.body.strip():
                return parse({}), None
            members = wire.read_members(outcome.body)
            if outcome.status != 200 and wire.result_of(members) is Result.SUCCESS:
                raise wire.BadAnswer(f"HTTP {outcome.status} and Result 1 contradict each other")
            if call.header:
                members = {**members, call.header.lower(): outcome.headers.get(call.header)}
            return parse(members), None
        except wire.BadAnswer as error:
            began = self.context.redactor.first_line(outcome.body)
            large = isinstance(error, wire.TooLarge)
            return Failure(f"{error}; what came begins with {began}", _STRANGER, large=large), Shown.UNREADABLE

    def _unanswered(self, outcome: TransportFailure) -> tuple[Failure, Shown | None]:
        final = outcome.kind in FINAL
        passing = outcome.kind is not FailureKind.TRUST
        failure = Failure(outcome.why, outcome.hint, systemic=True, final=final, passing=passing)
        return failure, None if final else Shown.UNANSWERED if outcome.sent else Shown.NOT_SENT

    def _refused(self, call: Call, reply: Reply) -> tuple[Failure, Shown | None]:
        redactor = self.context.redactor
        reason, status = redactor.refusal(reply.body), reply.status
        if status == 401:
            why = token_refused(reason, self.context)
            return Failure(why, TOKEN_HINT, systemic=True, access=True, final=True), Shown.TOKEN_REFUSED
        if status == 403:
            why = f"the grant lacks a scope or a right for {call.name} (403): {reason}"
            return Failure(why, SCOPE_HINT, systemic=call not in NEED_OTHER_SCOPES, access=True), None
        if 300 <= status < 400:
            target = redactor.clean(reply.headers.get("Location", "nowhere"))
            why = f"the server redirects ({status}) to {target}, which is not followed"
            return Failure(why, "configure the URL that TPP itself answers on", systemic=True), None
        if status in (404, 405):
            why = f"the server does not know the call {call.name} ({status}): {reason}"
            return Failure(why, "check the URL of the server", systemic=True), None
        shown = shown_by(status)
        why, passing = f"the server answered HTTP {status}: {reason}", shown is not None
        return Failure(why, systemic=status not in (400, 500), passing=passing), shown


def _out_of_time(deadline: Deadline, *, sent: bool) -> TransportFailure:
    if deadline.is_near:
        return TransportFailure("the run was told to end, and no time is left", FailureKind.DEADLINE, sent)
    hint = "raise requests.deadline, or split the run into shards"
    return TransportFailure("the run's deadline has passed", FailureKind.DEADLINE, sent, hint)


def says_result(call: Call, reply: Reply) -> bool:
    """Whether an answer that is no HTTP 200 speaks of the ticket that was asked about: it has a Result.

    The contract 26.1 answers ticket calls with 400, 401 and 500 so. A Result that only says that something failed says
    no more than a 500 does.
    """
    if reply.status == 500:
        return call.about_ticket and _refuses(reply.body)
    return (reply.status == 400 or (reply.status == 401 and call.about_ticket)) and has_result(reply.body)


def _refuses(body: bytes) -> bool:
    try:
        return MEANINGS[wire.result_of(wire.read_members(body))].executed is False
    except wire.BadAnswer:
        return False


def has_result(body: bytes) -> bool:
    """Whether a body is a JSON object with a Result, be it a sound one or not."""
    try:
        return "result" in wire.read_members(body)
    except wire.BadAnswer:
        return False


def token_refused(reason: str, context: ClientContext) -> str:
    """Return the words for a refused token, and why there is no newer one."""
    refusal = context.token.refusal if context.token else ""
    return f"the server does not accept the token (401): {reason}" + (
        f"; {context.redactor.clean(refusal)}" if refusal else ""
    )


def is_deadlock(body: bytes) -> bool:
    """Whether SQL Server chose the call as a deadlock's victim: 500 with "Rerun the transaction"."""
    return b"rerun the transaction" in body.lower()


GET_TOKEN = "`vcert getcred` gets one, or `reconciler auth login` with auth.method refresh"
TOKEN_HINT = f"it is expired, revoked or wrong: get a new one ({GET_TOKEN})"
SCOPE_HINT = (
    "an administrator adds the scope to the API integration of this client_id, and its users or roles, "
    "in the console under API > Integrations"
)


def _log_call(call: Call, outcome: Outcome, seconds: float, about: Mapping[str, str]) -> None:
    status = outcome.status if isinstance(outcome, Reply) else outcome.kind.value
    extra = {"call": call.name, "status": status, "seconds": round(seconds, 4)}
    extra |= {name: value for name, value in about.items() if value}
    words = " ".join(str(extra[name]) for name in ("call", "ticket", "operation", "status") if name in extra)
    _log.debug("%s in %.3f s", words, seconds, extra=extra)
