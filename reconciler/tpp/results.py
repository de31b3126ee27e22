"""The Result codes of Workflow/Ticket calls: what each means and what to do about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum


class Result(IntEnum):
    """The verdict inside an answer; HTTP 200 alone says little (TPP reference, Workflow/Ticket, result codes)."""

    NONE = 0
    SUCCESS = 1
    GENERIC_FAILURE = 2
    TICKET_DOES_NOT_EXIST = 3
    INSUFFICIENT_PRIVILEGES = 4
    BAD_ARGUMENTS = 5
    OBJECT_DOES_NOT_EXIST = 6
    REMOTE_ERROR = 7
    WORKFLOW_OBJECT_DOES_NOT_EXIST = 8


@dataclass(frozen=True, slots=True)
class Meaning:
    """A code in words. `executed` says whether a refused UpdateStatus can have happened; None means: unknown."""

    name: str
    says: str
    remedy: str
    executed: bool | None


MEANINGS: Mapping[Result, Meaning] = {
    Result.NONE: Meaning(
        "None", "the server gave no verdict", "look at the ticket and at the server's log", executed=None
    ),
    Result.SUCCESS: Meaning("Success", "the server took the call", "nothing", executed=True),
    Result.GENERIC_FAILURE: Meaning(
        "GenericFailure", "the server failed without a reason", "look at the ticket and at the server's log", None
    ),
    Result.TICKET_DOES_NOT_EXIST: Meaning(
        "TicketDoesNotExist",
        "the server knows no such ticket: it was processed, deleted, or never there",
        "check the GUID, and whether somebody decided the ticket",
        executed=False,
    ),
    Result.INSUFFICIENT_PRIVILEGES: Meaning(
        "InsufficientPrivileges",
        "the identity may not act on this ticket",
        "an administrator makes the identity an approver of the workflow, or gives it rights on the object",
        executed=False,
    ),
    Result.BAD_ARGUMENTS: Meaning(
        "BadArguments", "the server refuses an argument", "check the decision's parameters and times", executed=False
    ),
    Result.OBJECT_DOES_NOT_EXIST: Meaning(
        "ObjectDoesNotExist", "the object of the ticket is gone", "check object_dn, or drop the decision", False
    ),
    Result.REMOTE_ERROR: Meaning(
        "RemoteError", "a server behind the server failed", "look at the ticket and at the server's log", executed=None
    ),
    Result.WORKFLOW_OBJECT_DOES_NOT_EXIST: Meaning(
        "WorkflowObjectDoesNotExist", "the workflow of the ticket is gone", "ask who owns the workflow", executed=False
    ),
}


def describe(result: Result) -> str:
    """Return one sentence for a person: code, name, meaning, remedy."""
    meaning = MEANINGS[result]
    return f"Result {result.value} ({meaning.name}): {meaning.says}; {meaning.remedy}"
