"""The ports' TicketWriter over HTTP: the one place from which UpdateStatus can be sent. Only apply makes one.

The question behind every answer is: can the server have executed this update? Only what proves the contrary is
Declined or NotSent; everything else is Lost, and whoever asked has to look at the ticket.
"""

import re
from threading import Lock

from reconciler.model.ticket import Accepted, Answer, Declined, Lost, NotSent
from reconciler.ports import Update
from reconciler.tpp import wire
from reconciler.tpp.asking import SCOPE_HINT, Failure, token_refused
from reconciler.tpp.backoff import Jitter, wait_before
from reconciler.tpp.calls import Call
from reconciler.tpp.channel import Channel
from reconciler.tpp.exchange import Breach, Broken
from reconciler.tpp.refreshing import Permissions
from reconciler.tpp.results import MEANINGS, Result, describe
from reconciler.tpp.session import Session
from reconciler.tpp.usual_http import Reply

_UPDATE_STATUS = Call("update-status", "POST", "/vedsdk/Workflow/Ticket/UpdateStatus")
_CONNECT_ATTEMPTS = 3
_REFUSALS_UNTIL_SYSTEMIC = 3
_NEVER_EXECUTED = frozenset({404, 405, 406, 407, 411, 413, 414, 415, 431})
_GAVE_UP = (Breach.TIMEOUT, Breach.DEADLINE)
_SOMEBODY_GAVE_UP = frozenset({504, 524})
"""Between us and the server somebody stopped waiting, as we do after a time-out: the server may still be at it."""
_OPERATION = re.compile(r"\[op:([0-9a-f]{12})\]")


def ticket_writer(session: Session, jitter: Jitter | None = None) -> "HttpTicketWriter":
    """Make the writer of a run. A session itself can't send UpdateStatus: this gives it a second channel that can."""
    channel = Channel(session.line, session.writes, frozenset({_UPDATE_STATUS}), after_deadlock=1)
    return HttpTicketWriter(channel, session.permissions, jitter)


class HttpTicketWriter:
    """Sends updates, each one so that it can take effect at most once. Thread-safe."""

    def __init__(self, channel: Channel, permissions: Permissions, jitter: Jitter | None = None) -> None:
        """Write over this channel, which was made for UpdateStatus alone."""
        self._channel = channel
        self._permissions = permissions
        self._backoff = (lambda attempt: wait_before(attempt, jitter)) if jitter else wait_before
        self._lock = Lock()
        self._denied_in_a_row = 0

    def update(self, update: Update) -> Answer:
        """Send one update. It is sent again only after proof that the server did not execute it.

        Proof is: no byte left this machine; HTTP 401 (once, with a renewed token); Result 4, which a refresh of the
        permissions may cure (once).
        """
        body = wire.update_body(update)
        tag = _OPERATION.search(update.explanation or "")
        operation = tag.group(1) if tag else ""
        answer = self._send(body, update.guid, operation)
        if _is_denied(answer) and self._refreshed():
            answer = self._send(body, update.guid, operation)
        return self._counted(answer)

    def _send(self, body: bytes, ticket: str, operation: str) -> Answer:
        line = self._channel.line
        for attempt in range(1, _CONNECT_ATTEMPTS + 1):
            outcome = self._channel.once(_UPDATE_STATUS, body, ticket, operation)
            repeatable = isinstance(outcome, Broken) and not outcome.sent and outcome.breach is Breach.CONNECT
            if not repeatable or attempt == _CONNECT_ATTEMPTS:
                break
            line.clock.sleep(min(self._backoff(attempt), max(line.left(), 0.0)))
        return self._judged(outcome)

    def _judged(self, outcome: Reply | Broken) -> Answer:
        line = self._channel.line
        match outcome:
            case Broken(why, _, sent) if not sent:
                return NotSent(why, systemic=True)
            case Broken(why, breach, _):
                return Lost(why, server_fault=True, in_progress=breach in _GAVE_UP)
            case Reply(200 | 400 as status, _, body):
                return _by_result(status, body, line.excerpts.first_line(body), line.excerpts.refusal(body))
            case Reply(status, _, body):
                return _by_status(status, line.excerpts.refusal(body), token_refused(line.excerpts.refusal(body), line))

    def _refreshed(self) -> bool:
        return not isinstance(self._permissions.refresh(), Failure)

    def _counted(self, answer: Answer) -> Answer:
        with self._lock:
            self._denied_in_a_row = self._denied_in_a_row + 1 if _is_denied(answer) else 0
            denied = self._denied_in_a_row
        if isinstance(answer, Declined) and denied >= _REFUSALS_UNTIL_SYSTEMIC:
            return Declined(f"{answer.why} ({denied} times in a row)", answer.result, systemic=True)
        return answer


def _is_denied(answer: Answer) -> bool:
    return isinstance(answer, Declined) and answer.result == Result.INSUFFICIENT_PRIVILEGES


def _by_result(status: int, body: bytes, first_line: str, refusal: str) -> Answer:
    try:
        members = wire.read_members(body)
    except wire.BadAnswer as error:
        if status == 400:
            return Declined(f"the server refuses the request (400): {refusal}")
        return Lost(f"{error}; what came begins with {first_line}")
    if status == 400 and "result" not in members:
        return Declined(f"the server refuses the request (400): {refusal}")
    try:
        result = wire.result_of(members)
    except wire.BadAnswer as error:
        return Lost(f"{error}; what came begins with {first_line}")
    if result is Result.SUCCESS:
        return Accepted() if status == 200 else Lost("the server answers 400 and Result 1, which contradict each other")
    if MEANINGS[result].executed is False:
        return Declined(describe(result), result.value)
    return Lost(describe(result), result.value)


def _by_status(status: int, said: str, token: str) -> Answer:
    match status:
        case 401:
            return Declined(token, systemic=True)
        case 403:
            why = f"the grant lacks a scope with the approve privilege, such as certificate:approve (403): {said}"
            return Declined(f"{why}; {SCOPE_HINT}", systemic=True)
        case status if status in _NEVER_EXECUTED:
            return Declined(f"the server does not take the call (HTTP {status}): {said}", systemic=True)
        case status if 300 <= status < 400:
            return Lost(f"the server redirects ({status}), which is not followed: {said}")
        case status:
            fault = status >= 500 or status in (408, 425, 429)
            slow = status in _SOMEBODY_GAVE_UP
            return Lost(f"the server answered HTTP {status}: {said}", server_fault=fault, in_progress=slow)
