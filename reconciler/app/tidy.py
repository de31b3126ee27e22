"""Tidy: settled entries to the history. Proof from the ledger first, then the files, of which all else stays."""

import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from pathlib import Path

from reconciler.app.outputs import changing, check_in_place
from reconciler.atomic import atomic_write
from reconciler.errors import GuardRefused
from reconciler.ledger.history import read_lines
from reconciler.manifests.edit import remove_entries
from reconciler.manifests.load import KEPT, find
from reconciler.manifests.text import repository_of
from reconciler.manifests.write import comment_text
from reconciler.model.findings import Settlement, Stay, Tidied
from reconciler.model.plan import Plan, Step
from reconciler.model.receipt import TOOK_EFFECT, Receipt
from reconciler.model.record import AcceptedEntry, AttestedEntry
from reconciler.model.status import format_instant
from reconciler.model.ticket import Guid
from reconciler.model.verdict import Reason, Verdict


def tidy(plan: Plan, ledger: Path, history: Path, now: datetime, *, write: bool) -> Tidied:
    """Move every settled entry that the ledger has a receipt for, and those that only left a ticket to others.

    The latter are entries with `Pending` whose tickets are gone, also after the server refreshed our permissions.
    Raises InvalidInput, LedgerBroken, GuardRefused.
    """
    entries = [step for step in plan.steps if step.named and step.rule is None]
    seen = format_instant(plan.made_at)
    left = {
        step.guid: Settlement(step.guid, "", seen, "closed elsewhere", "", step.source)
        for step in entries
        if step.reason is Reason.ELSEWHERE_CLOSED
    }
    proofs = {**settlements(ledger, [step for step in entries if step.verdict is Verdict.SETTLED]), **left}
    by_file: dict[str, list[Step]] = defaultdict(list)
    for step in entries:
        if step.guid in proofs:
            by_file[step.source.path].append(step)
    moved = {}
    for name, steps in sorted(by_file.items()):
        shown = tuple(proofs[step.guid] for step in sorted(steps, key=lambda step: step.source))
        moved[name] = (_target(name, history, now), shown)
    if write:
        _check(moved)
        for name, (target, shown) in moved.items():
            others = {step.guid for step in plan.steps if step.source.path == name and step.guid not in proofs}
            _move(name, target, shown, others)
    stays = tuple(
        Stay(step.guid, step.source, step.reason)
        for step in sorted(plan.steps, key=lambda step: step.source)
        if step.guid not in proofs and step.named
    )
    return Tidied(moved, stays)


def keep_folders(folders: Iterable[str]) -> None:
    """Put `.gitkeep` into folders that have no manifest left: git forgets empty ones, and the next plan needs them."""
    for folder in map(Path, folders):
        kept = folder / KEPT
        if folder.is_dir() and not os.path.lexists(kept) and not find((str(folder),))[0]:
            with changing(kept):
                atomic_write(kept, b"")


def settlements(ledger: Path, steps: Collection[Step]) -> Mapping[Guid, Settlement]:
    """Return the newest line that proves each step's decision, with the hash that an auditor can check."""
    wanted = {step.guid: step.after for step in steps}
    found: dict[Guid, Settlement] = {}
    for line in read_lines(ledger, wanted):
        match line.entry:
            case Receipt() as receipt if receipt.outcome in TOOK_EFFECT and receipt.after == wanted[receipt.guid]:
                at = format_instant(receipt.at)
                found[receipt.guid] = Settlement(
                    receipt.guid, line.run, at, receipt.outcome.value, line.hash, line.source
                )
            case (AcceptedEntry() | AttestedEntry()) as agreed if agreed.after == wanted[agreed.guid]:
                at, what = format_instant(agreed.at), "accepted" if isinstance(agreed, AcceptedEntry) else "attested"
                found[agreed.guid] = Settlement(agreed.guid, line.run, at, what, line.hash, line.source)
            case _:
                pass
    return found


def _target(name: str, history: Path, now: datetime) -> str:
    path = Path(os.path.relpath(name))
    if ".." in path.parts:
        path = Path(path.name)
    return str(history / path.with_name(f"{path.stem}.{now:%Y%m%dT%H%M%SZ}{path.suffix}"))


def _check(moved: Mapping[str, tuple[str, Collection[Settlement]]]) -> None:
    """Raise InvalidInput or GuardRefused before the first file is written."""
    check_in_place(
        (Path(place) for name, (target, _) in moved.items() for place in (name, target)), repository_of(None)
    )
    if there := [target for target, _ in moved.values() if os.path.lexists(target)]:
        raise GuardRefused(f"{there[0]} exists already", "tidy again in a second")


def _move(name: str, target: str, proofs: tuple[Settlement, ...], others: Collection[Guid]) -> None:
    """Write the history first: a crash between the two files leaves an entry twice, never nowhere."""
    text = Path(name).read_bytes().decode("utf-8")
    left = remove_entries(name, text, {proof.guid for proof in proofs}).text
    kept = remove_entries(name, text, others).text or text
    path = Path(target)
    with changing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, _with_head(kept, proofs).encode("utf-8"))
    with changing(Path(name)):
        if left is None:
            Path(name).unlink()
        else:
            atomic_write(Path(name), left.encode("utf-8"))


def _with_head(text: str, proofs: tuple[Settlement, ...]) -> str:
    """Put the proofs on top of a text, with its line ends, and below its byte order mark if it has one."""
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    head = _head(proofs)
    return mark + (head.replace("\n", "\r\n") if "\r\n" in text else head) + text.removeprefix(mark)


def _head(proofs: tuple[Settlement, ...]) -> str:
    lines = [
        f"# {proof.guid} {proof.outcome} {proof.proof}" + (f" ({comment_text(str(proof.source))})" if proof.run else "")
        for proof in proofs
    ]
    return "# Settled, as the ledger proves, or closed elsewhere:\n" + "".join(f"{line}\n" for line in lines)
