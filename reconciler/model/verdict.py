"""The closed words of a plan: verdicts, their groups, and the stable reason codes behind them."""

from enum import StrEnum


class Group(StrEnum):
    """What a verdict asks for: a write, nothing, or attention."""

    CHANGE = "change"
    FINE = "fine"
    ATTENTION = "attention"


_GROUPS = {
    **dict.fromkeys(("approve", "schedule", "reschedule", "reject", "reopen"), Group.CHANGE),
    **dict.fromkeys(("in-sync", "settled", "awaiting-others", "elsewhere"), Group.FINE),
}


class Verdict(StrEnum):
    """What a plan says of one decision. The order is the order of the design's table.

    `group` decides whether anything is written and who has to act.
    """

    group: Group

    def __init__(self, word: str) -> None:
        """Look the group up once."""
        self.group = _GROUPS.get(word, Group.ATTENTION)

    APPROVE = "approve"
    SCHEDULE = "schedule"
    RESCHEDULE = "reschedule"
    REJECT = "reject"
    REOPEN = "reopen"
    IN_SYNC = "in-sync"
    SETTLED = "settled"
    AWAITING_OTHERS = "awaiting-others"
    ELSEWHERE = "elsewhere"
    CONFLICT = "conflict"
    ORPHAN = "orphan"
    UNCLEAR = "unclear"
    MISMATCH = "mismatch"
    MISSING = "missing"
    INVISIBLE = "invisible"
    EXPIRED = "expired"
    MISSED = "missed"
    REFUSED = "refused"
    ERROR = "error"


class Reason(StrEnum):
    """Why a verdict was reached: `<verdict>/<cause>`. Documentation and tests refer to these codes.

    `verdict` is the verdict that the code belongs to.
    """

    verdict: Verdict

    def __init__(self, code: str) -> None:
        """Look the verdict up once."""
        self.verdict = Verdict(code.partition("/")[0])

    APPROVE_WANTED = "approve/wanted"
    SCHEDULE_WANTED = "schedule/wanted"
    SCHEDULE_AFTER_MISSED = "schedule/after-missed"
    RESCHEDULE_WANTED = "reschedule/wanted"
    REJECT_WANTED = "reject/wanted"
    REOPEN_WANTED = "reopen/wanted"
    REOPEN_ORPHAN = "reopen/orphan"

    IN_SYNC_SAME = "in-sync/same"
    IN_SYNC_ACCEPTED = "in-sync/accepted"
    IN_SYNC_LEDGER = "in-sync/ledger"
    IN_SYNC_PROCESSING = "in-sync/processing"
    SETTLED_RECEIPT = "settled/receipt"
    SETTLED_INFERRED = "settled/inferred"
    SETTLED_ATTESTED = "settled/attested"
    AWAITING_OTHERS = "awaiting-others/approvers"
    ELSEWHERE_DECIDED = "elsewhere/decided"
    ELSEWHERE_CLOSED = "elsewhere/closed"

    CONFLICT_CONSOLE = "conflict/console"
    CONFLICT_REOPENED = "conflict/reopened"
    CONFLICT_TOO_LATE = "conflict/too-late"
    CONFLICT_COUNTED = "conflict/approval-counted"
    CONFLICT_SCHEDULE_UNKNOWN = "conflict/schedule-unknown"
    CONFLICT_OPEN_INTENT = "conflict/open-intent"
    CONFLICT_UNKNOWN_STATUS = "conflict/unknown-status"
    CONFLICT_RESTORED = "conflict/restored"
    CONFLICT_UNKNOWN_OPERATION = "conflict/unknown-operation"
    CONFLICT_GONE_EARLY = "conflict/gone-early"
    CONFLICT_FREEZE = "conflict/freeze"
    CONFLICT_NOT_DECIDED = "conflict/not-decided"
    ORPHAN_ARMED = "orphan/armed"
    UNCLEAR_LOST_ANSWER = "unclear/lost-answer"
    MISMATCH_OBJECT = "mismatch/object"
    MISMATCH_WORKFLOW = "mismatch/workflow"
    MISMATCH_CERTIFICATE = "mismatch/certificate"
    MISMATCH_STATUS = "mismatch/status"
    MISSING_TICKET = "missing/ticket"
    INVISIBLE_DENIED = "invisible/denied"
    EXPIRED_VALID_UNTIL = "expired/valid-until"
    EXPIRED_WINDOW = "expired/window"
    MISSED_WINDOW = "missed/window"

    REFUSED_STOP = "refused/stop"
    REFUSED_SUPERSEDED = "refused/superseded"
    REFUSED_EMERGENCY = "refused/emergency"
    REFUSED_REQUIRED = "refused/required"
    REFUSED_CHANGE_PATTERN = "refused/change-pattern"
    REFUSED_OWNERSHIP = "refused/ownership"
    REFUSED_FREEZE = "refused/freeze"
    REFUSED_FOUR_EYES = "refused/four-eyes"
    REFUSED_CHANGES = "refused/changes"
    REFUSED_APPROVALS = "refused/approvals"
    REFUSED_REJECTIONS = "refused/rejections"
    REFUSED_PERCENT = "refused/percent"
    REFUSED_AT_MOST = "refused/at-most"
    REFUSED_IDENTITY = "refused/identity"
    REFUSED_CONTEXT = "refused/context"
    REFUSED_CHANGE_RECORD = "refused/change-record"
    REFUSED_NOT_REVIEWED = "refused/not-reviewed"

    ERROR_UNREADABLE = "error/unreadable"
    ERROR_UNAVAILABLE = "error/unavailable"
