"""The ports' TicketWriter over HTTP: the one place from which UpdateStatus can be sent. Only apply makes one.

The question behind every answer is: can the server have executed this update? Only what proves the contrary is
Declined or NotSent; everything else is Lost, and whoever asked has to look at the ticket.
"""

from threading import Lock

from reconciler.model.decision import Parameters
from reconciler.model.declared import stated
from reconciler.model.receipt import tagged_operations
from reconciler.model.ticket import Accepted, Answer, Declined, Lost, NotSent
from reconciler.model.value import replace
from reconciler.ports import Update
from reconciler.tpp import wire
from reconciler.tpp.client import SCOPE_HINT, Call, Client, Outcome, has_result, token_refused
from reconciler.tpp.limiter import AdaptiveLimiter
from reconciler.tpp.retries import Kind, Shown
from reconciler.tpp.session import Session
from reconciler.tpp.transport import FailureKind, Reply, TransportFailure
from reconciler.tpp.wire import MEANINGS, Result, describe

_UPDATE_STATUS = Call("update-status", "POST", "/vedsdk/Workflow/Ticket/UpdateStatus", Kind.UPDATE, about_ticket=True)
_REFUSALS_UNTIL_SYSTEMIC = 3
_NEVER_EXECUTED = frozenset({404, 405, 406, 407, 411, 413, 414, 415, 431})


def ticket_writer(session: Session) -> "HttpTicketWriter":
    """Make the writer of a run. A session itself can't send UpdateStatus: this gives it a second client that can."""
    return HttpTicketWriter(session, session.writes)


class HttpTicketWriter:
    """Sends updates, each one so that it can take effect at most once. Thread-safe."""

    def __init__(self, session: Session, limiter: AdaptiveLimiter) -> None:
        """Write by a client that was made for UpdateStatus alone."""
        permissions = session.permissions
        self._client = Client(
            session.client.context,
            limiter,
            frozenset({_UPDATE_STATUS}),
            after_deadlock=1,
            refresh_permissions=lambda: permissions.refresh() is None,
        )
        self._lock = Lock()
        self._denied_in_a_row = 0

    def update(self, update: Update) -> Answer:
        """Send one update. RETRIES says when it is sent again: only after proof that the server did not execute it."""
        operation = "".join(tagged_operations(update.explanation or ""))
        answer = self._client.call(
            _UPDATE_STATUS, wire.update_body(update), self._judge, ticket=update.guid, operation=operation
        )
        return self._counted(_because_of_parameters(answer, update.parameters))

    def _judge(self, outcome: Outcome) -> tuple[Answer, Shown | None]:
        context = self._client.context
        match outcome:
            case TransportFailure(why, kind, sent) if not sent:
                passing = kind is not FailureKind.TRUST
                return NotSent(why, systemic=True, passing=passing), (
                    Shown.NOT_SENT if kind is FailureKind.CONNECT else None
                )
            case TransportFailure(why):
                return Lost(why, server_fault=True), None
            case Reply(200 | 400 | 401 | 500, _, body) if outcome.status in (200, 400) or has_result(body):
                answer = _by_result(outcome, context.redactor.first_line(body), context.redactor.refusal(body))
            case Reply(401, _, body):
                token = token_refused(context.redactor.refusal(body), context)
                return Declined(token, systemic=True), Shown.TOKEN_REFUSED
            case Reply(status, _, body):
                return _by_status(status, context.redactor.refusal(body), says_json=_is_json(body)), None
        return answer, Shown.NOT_PERMITTED if _is_denied(answer) else None

    def _counted(self, answer: Answer) -> Answer:
        with self._lock:
            self._denied_in_a_row = self._denied_in_a_row + 1 if _is_denied(answer) else 0
            denied = self._denied_in_a_row
        if isinstance(answer, Declined) and denied >= _REFUSALS_UNTIL_SYSTEMIC:
            return Declined(f"{answer.why} ({denied} times in a row)", answer.result, systemic=True)
        return answer


def _because_of_parameters(answer: Answer, parameters: Parameters) -> Answer:
    """Note on a refused request that its manifest asks for what the contract 26.1 no longer has."""
    asked = [name for name, _, _ in stated(parameters)]
    if not (asked and isinstance(answer, Declined) and not answer.systemic):
        return answer
    if answer.result not in (None, Result.BAD_ARGUMENTS):
        return answer
    why = f"the manifest asks for {', '.join(asked)} under `parameters`, which servers from 26.1 on need not take"
    return replace(answer, why=f"{answer.why}; {why}: leave them out")


def _is_denied(answer: Answer) -> bool:
    return isinstance(answer, Declined) and answer.result == Result.INSUFFICIENT_PRIVILEGES


def _by_result(reply: Reply, first_line: str, refusal: str) -> Answer:
    status = reply.status
    try:
        members = wire.read_members(reply.body)
    except wire.BadAnswer as error:
        return Lost(f"{error}; what came begins with {first_line}")
    if status == 400 and "result" not in members:
        return Declined(f"the server refuses the request (400): {refusal}")
    try:
        result = wire.result_of(members)
    except wire.BadAnswer as error:
        return Lost(f"{error}; what came begins with {first_line}", server_fault=status == 500)
    if result is Result.SUCCESS:
        return Accepted() if status == 200 else Lost(f"HTTP {status} and Result 1 contradict each other")
    if MEANINGS[result].executed is False:
        return Declined(describe(result), result.value)
    return Lost(describe(result), result.value, server_fault=status == 500)


def _is_json(body: bytes) -> bool:
    """Whether TPP itself may have spoken: pages come from what stands before it, and prove nothing."""
    try:
        return bool(wire.read_members(body))
    except wire.BadAnswer:
        return False


def _by_status(status: int, reason: str, *, says_json: bool) -> Answer:
    if status == 403 and says_json:
        why = f"the grant lacks a scope with the approve privilege, such as certificate:approve (403): {reason}"
        return Declined(f"{why}; {SCOPE_HINT}", systemic=True)
    if status in _NEVER_EXECUTED and says_json:
        return Declined(f"the server does not take the call (HTTP {status}): {reason}", systemic=True)
    if status // 100 == 3:
        return Lost(f"the server redirects ({status}), which is not followed: {reason}")
    return Lost(f"the server answered HTTP {status}: {reason}", server_fault=status >= 500 or status in (408, 425, 429))
