"""The page of verdicts: every reason code in plain words, and the truth table behind them."""

from enum import Flag

from docs.generating.text import cell, table
from reconciler.model.verdict import Group, Reason, Verdict
from reconciler.planning.verdicts import TABLE
from reconciler.rendering.words import GROUPS, HEADINGS, OUTCOMES, PROOFS, REASONS


def page() -> str:
    """Return the page of verdicts, reasons, outcomes and the truth table."""
    parts = [_INTRODUCTION]
    for group in Group:
        parts.append(f"## {GROUPS[group].capitalize()}\n")
        rows = [_reason(reason) for reason in Reason if reason.verdict.group is group]
        parts.append(table(("Verdict", "Reason code", "Why", "What to do"), rows))
    outcomes = [(f"`{outcome}`", cell(words.cause), cell(words.remedy)) for outcome, words in OUTCOMES.items()]
    proofs = [(f"`{proof}`", cell(text)) for proof, text in PROOFS.items()]
    parts += [_OUTCOMES, table(("Outcome", "Means", "What to do"), outcomes)]
    parts += ["A receipt says what proves its outcome:\n", table(("Proof", "Means"), proofs)]
    parts += [_TABLE, table(("Live ticket", "What we did last", "Wanted", "Clock", "Verdict"), _rows()), _words()]
    return "\n".join(parts)


_INTRODUCTION = """# Verdicts and outcomes

A plan holds every decision against the live ticket and the ledger and gives it one verdict. The reason code is
stable: scripts may rely on it.
"""

_OUTCOMES = """## Outcomes of an apply

Each change of a plan ends in one receipt.
"""

_TABLE = """## The truth table

Read from the top; the first row that fits is the answer. An empty cell fits everything. *Change* means: approve,
schedule, reschedule, reject or reopen, whatever leads to what is wanted. Guards look at changes afterwards and may turn
them into `refused`.
"""


def _reason(reason: Reason) -> tuple[str, ...]:
    words = REASONS[reason]
    return cell(HEADINGS[Verdict(reason.verdict)]), f"`{reason}`", cell(words.cause), cell(words.remedy)


def _rows() -> list[tuple[str, ...]]:
    return [
        (
            *(_flags(fact) for fact in (row.live, row.ours, row.wish, row.clock)),
            f"`{row.reason}`" if row.reason else "*Change*",
        )
        for row in TABLE
    ]


def _flags(fact: Flag | None) -> str:
    return "" if fact is None else ", ".join(_named(flag) for flag in fact)


def _named(flag: Flag) -> str:
    return str(flag.name).lower().replace("_", " ")


def _words() -> str:
    return (
        "\n*Ours* `inferred`: the only proof is that the ticket is gone. *Unmoved*: as our last write left it. "
        "*Unreported*: the status is as wanted, and the server tells no times. *Moved*: somebody else moved it.\n"
    )
