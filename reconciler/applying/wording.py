"""The Explanation that reaches TPP: the reviewer's words, where they come from, and the operation tag."""

import hashlib

from reconciler.model.guid import Guid
from reconciler.model.plan import Step
from reconciler.model.receipt import operation_tag
from reconciler.model.review import Provenance


def operation_of(run: str, guid: Guid) -> str:
    """Return the operation id of one ticket in one run: 12 hex digits, the same for every attempt of the run."""
    return hashlib.sha256(f"{run}\n{guid}".encode()).hexdigest()[:12]


def explanation(step: Step, origin: Provenance, operation: str) -> str:
    """Return the text to send: explanation, change and origin in parentheses, operation tag."""
    facts = [
        step.change if origin.commit else None,
        f"PR #{origin.review.pull_request}" if origin.review else None,
        f"commit {origin.commit[:7]}" if origin.commit else None,
    ]
    known = ", ".join(fact for fact in facts if fact)
    pieces = [step.explanation, f"({known})" if known else None, operation_tag(operation)]
    return " ".join(piece for piece in pieces if piece)
