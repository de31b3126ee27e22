"""Questions to the server: repeated when that can help, judged, and turned into a value or one sentence of failure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import TypeVar

from reconciler.errors import CredentialsRefused, ServerFailure
from reconciler.model.canonical import Json
from reconciler.model.guid import Guid
from reconciler.tpp import wire
from reconciler.tpp.backoff import Jitter, wait_before
from reconciler.tpp.calls import NEED_CONFIGURATION, Call
from reconciler.tpp.channel import Channel, Line
from reconciler.tpp.exchange import Breach, Broken
from reconciler.tpp.usual_http import Reply

T = TypeVar("T")
Parse = Callable[[wire.Members], T]

ATTEMPTS = 5
_WORTH_REPEATING = frozenset({408, 425, 429, 500, 502, 503, 504})
_FAILURES_UNTIL_DOWN = 3
_ATTEMPTS_AT_SENSE = 2
_STRANGER = "check the URL; a proxy or login page may answer in the server's place"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no answer.

    `systemic` when other questions will fare no better, `final` when that is certain and nothing more is asked;
    `access` when it is about token or rights.
    """

    why: str
    hint: str = ""
    systemic: bool = False
    access: bool = False
    final: bool = False

    def error(self) -> ServerFailure:
        """The same as an exception, for questions without which a run can't go on."""
        return (CredentialsRefused if self.access else ServerFailure)(self.why, self.hint)


class Asker:
    """Asks questions, which are safe to repeat, over one channel. Thread-safe.

    When questions fail one after the other because of the network or the whole server, it stops asking: every
    further question fails at once with the same words.
    """

    def __init__(self, channel: Channel, jitter: Jitter | None = None) -> None:
        """Ask over this channel; `jitter` yields numbers between 0 and 1."""
        self.channel = channel
        self._backoff = (lambda attempt: wait_before(attempt, jitter)) if jitter else wait_before
        self._lock = Lock()
        self._failed = 0
        self._down: Failure | None = None

    def ask(self, call: Call, members: Mapping[str, Json] | None, parse: Parse[T], ticket: str = "") -> T | Failure:
        """Return what `parse` makes of the answer. An answer that it refuses with BadAnswer is asked for once more."""
        return self._ask(call, None if members is None else wire.encode(members), parse, ticket)

    def ask_about(self, ticket: Guid, call: Call, parse: Parse[T]) -> T | Failure:
        """Ask a question that consists of nothing but the GUID of a ticket, as most do."""
        return self._ask(call, wire.ticket_body(ticket), parse, ticket)

    def _ask(self, call: Call, body: bytes | None, parse: Parse[T], ticket: str) -> T | Failure:
        attempt = 0
        while self._down is None:
            attempt += 1
            answer = self._once(call, body, parse, ticket)
            if not isinstance(answer, _Miss):
                self._failed = 0
                return answer
            if attempt >= answer.attempts:
                return self._failed_with(answer.failure)
            self.channel.line.clock.sleep(min(self._backoff(attempt), max(self.channel.line.left(), 0.0)))
        return self._down

    def _once(self, call: Call, body: bytes | None, parse: Parse[T], ticket: str) -> "T | _Miss":
        outcome = self.channel.once(call, body, ticket)
        if isinstance(outcome, Broken) or outcome.status != 200:
            failure = judge(call, outcome, self.channel.line)
            if failure is not None or isinstance(outcome, Broken):
                return _Miss(failure or Failure("no answer"), ATTEMPTS if _worth_repeating(outcome) else 1)
        try:
            if call.may_be_empty and not outcome.body.strip():
                return parse({})
            return parse(wire.read_members(outcome.body))
        except wire.BadAnswer as error:
            began = self.channel.line.excerpts.first_line(outcome.body)
            return _Miss(Failure(f"{error}; what came begins with {began}", _STRANGER), _ATTEMPTS_AT_SENSE)

    def _failed_with(self, failure: Failure) -> Failure:
        with self._lock:
            self._failed += 1
            if failure.systemic and (failure.final or self._failed >= _FAILURES_UNTIL_DOWN):
                self._down = failure
        return failure


@dataclass(frozen=True, slots=True)
class _Miss:
    """A failed attempt, and how many attempts this kind of failure is worth."""

    failure: Failure
    attempts: int


def _worth_repeating(outcome: Reply | Broken) -> bool:
    if isinstance(outcome, Broken):
        return outcome.breach not in (Breach.TRUST, Breach.DEADLINE)
    return outcome.status in _WORTH_REPEATING


def judge(call: Call, outcome: Reply | Broken, line: Line) -> Failure | None:
    """Return why an outcome is no answer; None when its body has to be read (HTTP 200, and 400 with a Result)."""
    if isinstance(outcome, Broken):
        final = outcome.breach in (Breach.TRUST, Breach.DEADLINE)
        return Failure(outcome.why, _HINTS.get(outcome.breach, ""), systemic=True, final=final)
    if outcome.status == 200 or (outcome.status == 400 and has_result(outcome.body)):
        return None
    said = line.excerpts.refusal(outcome.body)
    match outcome.status:
        case 401:
            return Failure(token_refused(said, line), TOKEN_HINT, systemic=True, access=True, final=True)
        case 403:
            why = f"the grant lacks a scope or a right for {call.name} (403): {said}"
            return Failure(why, SCOPE_HINT, systemic=call not in NEED_CONFIGURATION, access=True)
        case status if 300 <= status < 400:
            target = line.excerpts.clean(outcome.headers.get("Location", "nowhere"))
            why = f"the server redirects ({status}) to {target}, which is not followed"
            return Failure(why, "configure the URL that TPP itself answers on", systemic=True)
        case 404 | 405:
            why = f"the server does not know the call {call.name} ({outcome.status}): {said}"
            return Failure(why, "check the URL of the server", systemic=True)
        case status:
            return Failure(f"the server answered HTTP {status}: {said}", systemic=status not in (400, 500))


def token_refused(said: str, line: Line) -> str:
    """Say that the server refused the token, and why there is no newer one."""
    refusal = line.bearer.refusal
    return f"the server does not accept the token (401): {said}" + (
        f"; {line.excerpts.clean(refusal)}" if refusal else ""
    )


TOKEN_HINT = "it is expired, revoked or wrong: get a new one"
SCOPE_HINT = (
    "an administrator adds the scope to the API integration of this client_id, and its users or roles, "
    "in the console under API > Integrations"
)
_HINTS = {
    Breach.CONNECT: "check the URL, the network, and HTTPS_PROXY and NO_PROXY",
    Breach.TRUST: "name the CA of the server in tls.ca_bundle or TPP_CA_BUNDLE",
    Breach.TIMEOUT: "the server is slow or starting; try again, or raise requests.read_timeout",
    Breach.DEADLINE: "raise requests.deadline, or split the run into shards",
}


def has_result(body: bytes) -> bool:
    """Say whether a body is a JSON object with a Result, be it a sound one or not."""
    try:
        return "result" in wire.read_members(body)
    except wire.BadAnswer:
        return False
