"""What a tidy moved and what stays, in words and as plain values."""

from collections import Counter
from collections.abc import Iterator, Mapping

from reconciler.model.findings import Tidied
from reconciler.model.value import replace
from reconciler.rendering.escape import terminal
from reconciler.rendering.summary import verb
from reconciler.rendering.text.layout import joined
from reconciler.rendering.words import REASONS, counted


def tidy_text(tidied: Tidied, only_shown: bool) -> str:
    """Return the report. `only_shown` says that nothing was moved."""
    return joined(_lines(tidied, "would move" if only_shown else "moved"))


def tidy_json(tidied: Tidied) -> Mapping[str, object]:
    """Return the report as plain values."""
    return {
        "version": 1,
        "moved": [
            {"guid": proof.guid, "from": name, "to": target, "run": proof.run, "at": proof.at, "receipt": proof.hash}
            for name, (target, proofs) in sorted(tidied.moved.items())
            for proof in proofs
        ],
        "stays": [{"guid": stay.guid, "source": str(stay.source), "reason": stay.reason} for stay in tidied.stays],
    }


def _lines(tidied: Tidied, moved: str) -> Iterator[str]:
    total = 0
    for name, (target, proofs) in sorted(tidied.moved.items()):
        total += len(proofs)
        yield f"{moved} {counted(len(proofs), 'entry', 'entries')} from {terminal(name)} to {terminal(target)}"
        for proof in proofs:
            yield f"  {proof.guid} {proof.outcome} {replace(proof, hash=proof.hash[:19]).proof}"
    for reason, number in sorted(Counter(stay.reason for stay in tidied.stays).items()):
        entries = f"{counted(number, 'entry', 'entries')} {verb(number, 'stays', 'stay')}"
        yield f"{entries}: {reason}, {REASONS[reason].cause}"
    yield f"{counted(total, 'entry', 'entries')} settled, {counted(len(tidied.stays), 'entry', 'entries')} left"
