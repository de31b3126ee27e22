"""What an auditor asks of a ledger as a whole: how much there is, under which rules, and what was decided outside."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from reconciler.codec import Edited, Malformed, Newer, decode_plan
from reconciler.errors import InvalidInput
from reconciler.github.git import Git, GitFailure
from reconciler.ledger.chain import check
from reconciler.ledger.heads import head_digest, heads_not_in, ledger_heads
from reconciler.ledger.history import history, read_lines
from reconciler.ledger.kept import CONFIGURATIONS, kept
from reconciler.model.decision import Problem, Source
from reconciler.model.evidence import Anchor, LogEvent, PolicyChange, Population, Reconciliation
from reconciler.model.record import Head, Line, Opened
from reconciler.model.value import replace
from reconciler.planning import log_matching, population

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_NAMED_HEAD = re.compile(
    r"(?P<path>\d{4}/\d{2}/[A-Za-z0-9-]+\.jsonl):(?P<lines>\d{1,9})[^0-9A-Za-z]{1,8}(?P<hash>sha256:[0-9a-f]{64})"
)
_WHOLE_HEAD = re.compile(r"\bledger\W{1,8}(sha256:[0-9a-f]{64})")
_TEXTS = (".md", ".txt", ".html")


def population_of(folder: Path, since: datetime | None, until: datetime | None) -> Population:
    """Count everything that happened in a time. Raises LedgerBroken."""
    lines, heads = read_lines(folder), ledger_heads(folder)
    return population.population(lines, history, since, until, head_digest(heads), heads)


def reconciled(folder: Path, file: Path, read: Callable[[bytes], tuple[LogEvent, ...]]) -> Reconciliation:
    """Hold the platform's own log against the ledger. Raises InvalidInput for one that can't be read, LedgerBroken.

    `read` reads the log of the product, and raises ValueError.
    """
    records = tuple(history(read_lines(folder)))
    try:
        events = read(file.read_bytes())
    except OSError as fault:
        message = f"the log can't be read: {fault.strerror}"
    except Malformed as fault:
        message = f"this is no JSON: {fault}"
    except ValueError as fault:
        message = str(fault)
    else:
        return log_matching.reconcile(events, records)
    hint = "hand in the answer of TPP's Log call, or map its columns: --columns time=…,object=…,name=…,text1=…,text2=…"
    raise InvalidInput((Problem("tpp-log/unreadable", Source(str(file)), message, hint),))


def policy_changes(folder: Path) -> tuple[PolicyChange, ...]:
    """Return under which configurations runs were, oldest first, by server and environment. Raises LedgerBroken."""
    return tuple(_named(changes_in(read_lines(folder))))


def rules_at(folder: Path, changes: Iterable[PolicyChange], moment: datetime) -> tuple[tuple[PolicyChange, str], ...]:
    """Return which configurations held at a moment, each with its text (empty when it is not kept).

    Raises LedgerBroken when what is kept is not what the ledger names.
    """
    held = {(each.target, each.environment): each for each in changes if each.since <= moment}
    return tuple((each, text_of(folder, each)) for each in held.values())


def text_of(folder: Path, change: PolicyChange) -> str:
    """Return the text of a configuration, empty when it is not kept. Raises LedgerBroken."""
    data = kept(folder, CONFIGURATIONS, change.config) if change.config else None
    return "" if data is None else data.decode("utf-8", "replace")


def changes_in(lines: Iterable[Line]) -> Iterator[PolicyChange]:
    """Yield under which configurations the runs of some lines were, oldest first, by server and environment."""
    last: dict[tuple[str, str | None], PolicyChange] = {}
    done: list[PolicyChange] = []
    for line in lines:
        entry, origin = line.entry, line.provenance
        if not isinstance(entry, Opened):
            continue
        place = origin.target, origin.environment
        before = last.get(place)
        if before is not None and before.config == entry.config:
            last[place] = replace(before, runs=before.runs + 1)
            continue
        if before is not None:
            done.append(replace(before, until=entry.at))
        last[place] = PolicyChange(
            since=entry.at,
            config=entry.config,
            run=line.run,
            runs=1,
            commit=entry.config_commit,
            author=entry.config_review.author if entry.config_review else None,
            review=entry.config_review,
            target=origin.target,
            environment=origin.environment,
        )
    yield from sorted((*done, *last.values()), key=lambda each: (each.since, each.run))


def _named(changes: Iterable[PolicyChange]) -> Iterator[PolicyChange]:
    """Name the author of a commit from the repository of the working directory, where the ledger has no review."""
    for each in changes:
        author = each.author or (_author(each.commit) if each.commit else None)
        yield replace(each, author=author)


def _author(commit: str) -> str | None:
    if not _COMMIT.fullmatch(commit):
        return None
    try:
        shown = Git(Path.cwd(), os.environ).attempt("show", "--no-patch", "--format=%an", commit, "--")
    except GitFailure:
        return None
    return shown.stdout.strip() or None if shown.returncode == 0 else None


def anchor_files(places: Sequence[Path]) -> tuple[Path, ...]:
    """Return the saved plans and comments in files and folders. Raises InvalidInput for a place that is not there."""
    found: list[Path] = []
    problems: list[Problem] = []
    for place in places:
        if place.is_dir():
            inside = (path for path in place.rglob("*") if path.suffix in (".json", *_TEXTS) and path.is_file())
            found.extend(sorted(inside))
        elif place.is_file():
            found.append(place)
        else:
            hint = "name saved plans and comments, or folders with them"
            problems.append(Problem("plans/absent", Source(str(place)), "there is no such file", hint))
    if problems:
        raise InvalidInput(tuple(problems))
    return tuple(dict.fromkeys(found))


def heads_named(data: bytes) -> tuple[tuple[Head, ...], str | None] | None:
    """Return the heads that a saved plan or comment names, or one hash over all; None for any other file.

    Raises Edited for a plan that is not as it was saved, Newer for one that a newer release wrote.
    """
    if data.lstrip()[:1] in (b"{", b"["):
        try:
            return decode_plan(data).ledger_heads, None
        except Edited:
            raise
        except ValueError as fault:
            if isinstance(fault, Newer) and b'"tool"' in data:
                raise
            return None
    text = data.decode("utf-8", "replace")
    heads = tuple(Head(each["path"], each["hash"], int(each["lines"])) for each in _NAMED_HEAD.finditer(text))
    whole = _WHOLE_HEAD.search(text)
    return (heads, None if heads or whole is None else whole[1]) if heads or whole else None


def anchors(folder: Path, files: Iterable[Path]) -> tuple[tuple[Anchor, ...], tuple[Problem, ...]]:
    """Hold what plans and comments say of the ledger against it; what is not there or was edited is a fault."""
    found: list[Anchor] = []
    faults: list[Problem] = []
    for path in files:
        try:
            named = heads_named(path.read_bytes())
        except OSError as fault:
            faults.append(Problem("plans/unreadable", Source(str(path)), f"it can't be read: {fault.strerror}"))
            continue
        except Edited as fault:
            message = f"this plan is not as it was saved: {fault}"
            faults.append(Problem("plans/edited", Source(str(path)), message, "ask who had it in their hands"))
            continue
        except Newer as fault:
            faults.append(Problem("plans/newer", Source(str(path)), str(fault), fault.hint))
            continue
        if named is None:
            continue
        heads, whole = named
        missing = _missing(folder, heads, whole)
        found.append(Anchor(str(path), len(heads) + (whole is not None), missing))
        absent = (f"{head} is named in it and not in this ledger" for head in missing)
        faults += (Problem("plans/other-ledger", Source(str(path)), words, _OTHER) for words in absent)
    return tuple(found), tuple(faults)


def contradicted(folder: Path, pack: Path) -> tuple[Problem, ...]:
    """Return which lines the plans of an unpacked pack name that the ledger does not have any more."""
    return tuple(
        Problem(
            "plans/other-ledger", Source(f"plans/{path.name}"), f"{head} is named in it and not in this ledger", _CUT
        )
        for path in sorted((pack / "plans").glob("*.json"))
        for head in _missing(folder, decode_plan(path.read_bytes()).ledger_heads, None)
    )


_CUT = "a run was taken out of the ledger, or the ledger was changed, after this plan was applied: find out by whom"
_OTHER = "the ledger was replaced, cut or changed since, or the file belongs to another ledger: leave such files out"


def _missing(folder: Path, heads: tuple[Head, ...], whole: str | None) -> tuple[str, ...]:
    if whole is not None:
        return () if not check(folder, whole).faults else (f"the state {whole}",)
    return tuple(f"line {head.lines} of {head.path} with {head.hash}" for head in heads_not_in(folder, heads))
