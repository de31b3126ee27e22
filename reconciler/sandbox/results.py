"""The Result codes of the ticket calls (TPP reference, Workflow/Ticket)."""

from enum import IntEnum


class Result(IntEnum):
    """The verdict of a ticket call, whatever the HTTP status says."""

    NONE = 0
    SUCCESS = 1
    GENERIC_FAILURE = 2
    TICKET_DOES_NOT_EXIST = 3
    INSUFFICIENT_PRIVILEGES = 4
    BAD_ARGUMENTS = 5
    OBJECT_DOES_NOT_EXIST = 6
    REMOTE_ERROR = 7
    WORKFLOW_OBJECT_DOES_NOT_EXIST = 8
