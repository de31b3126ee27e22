"""`reconciler ledger`: read, verify and export the record of what was applied. All but `adopt` work offline."""

import hashlib
import itertools
import os
import sys
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import click

from reconciler.app.audit_pack import gather_evidence, put, rebuilt
from reconciler.app.context import SystemClock, open_context
from reconciler.app.evidence import (
    anchor_files,
    anchors,
    contradicted,
    policy_changes,
    population_of,
    reconciled,
    rules_at,
)
from reconciler.app.ledger import Filter, records_of
from reconciler.app.ledger import adopt as take_into_ledger
from reconciler.app.ledger import archive as archive_runs
from reconciler.app.ledger_branch import push_archives, take_from_branch
from reconciler.app.outputs import Output, OutputKind, check_outputs
from reconciler.app.tickets import named_in
from reconciler.cli.exit_codes import Exit
from reconciler.cli.ledger_options import (
    FIRST_INSTANT,
    MOMENT,
    filter_options,
    folder_of,
    ledger_option,
    period_options,
    period_words,
)
from reconciler.cli.options import Invocation, common_options
from reconciler.cli.output import format_option
from reconciler.cli.progress import Terminal
from reconciler.cli.terminal import view_of
from reconciler.codec import json_text, plain, record_members
from reconciler.errors import InvalidInput
from reconciler.github.git import git_from
from reconciler.ledger.chain import NEWER, Chain, check
from reconciler.ledger.heads import ledger_head
from reconciler.ledger.zip_file import files_in, write_zip
from reconciler.model.decision import Problem, Source
from reconciler.model.evidence import Anchor
from reconciler.model.receipt import operation_tag
from reconciler.model.record import Audit, Record
from reconciler.model.settings import Settings
from reconciler.model.value import replace
from reconciler.planning.judge import spell
from reconciler.planning.log_matching import who
from reconciler.rendering.audit_pack import proof_json, reviews_json, verify_guide
from reconciler.rendering.escape import terminal
from reconciler.rendering.html.papers import audit_page
from reconciler.rendering.problems import problems_text
from reconciler.rendering.records import records_csv, records_json
from reconciler.rendering.text.layout import Detail, joined
from reconciler.rendering.text.ledger import (
    origin_text,
    policy_text,
    population_text,
    reconciliation_text,
    record_text,
    rules_text,
)
from reconciler.rendering.words import counted
from reconciler.tpp.event_log import COLUMNS, read_log


def _columns(_ctx: click.Context, _parameter: click.Parameter, text: str | None) -> Mapping[str, str]:
    """Read `time=When,object=DN`. Raises BadParameter."""
    pairs = [each.strip().partition("=") for each in (text or "").split(",") if each.strip()]
    known = (*COLUMNS, "by")
    for name, _, column in pairs:
        if name not in known or not column:
            raise click.BadParameter(f"{name!r}: write NAME=COLUMN, with one of the names {', '.join(known)}")
    return {name: column for name, _, column in pairs}


@click.group()
def command() -> None:
    """Read, verify and export the record of what was applied. Only `adopt` needs a server and credentials."""


def _records(folder: Path, wanted: Filter) -> Iterator[Record]:
    """Return records that are read as they are printed; a fault of the first is raised before anything is."""
    found = iter(records_of(folder, wanted))
    return itertools.chain([*itertools.islice(found, 1)], found)


@command.command()
@filter_options
@ledger_option
@format_option()
@click.option("--verbose", "-v", is_flag=True, help="Everything that is known of each record.")
@click.option("--all", "every", is_flag=True, help="All records, not only the last 50.")
@common_options
def log(invocation: Invocation, *, wanted: Filter, ledger: Path | None, style: str, verbose: bool, every: bool) -> None:
    """Show what was done to tickets, oldest first; intents that no receipt answers come last.

    Without --all or an option that chooses records these are the last 50. JSON has all of them.
    """
    folder = folder_of(invocation, ledger)
    records = _records(folder, wanted)
    if style == "json":
        sys.stdout.writelines(records_json(ledger_head(folder), records))
        return
    view = view_of(sys.stdout, Detail.VERBOSE if verbose else Detail.NORMAL)
    last: deque[Record] = deque(maxlen=_SHOWN if wanted.is_empty and not every else None)
    count = 0
    for record in records:
        count += 1
        if last.maxlen is None:
            click.echo(record_text(record, view), nl=False)
        else:
            last.append(record)
    for record in last:
        click.echo(record_text(record, view), nl=False)
    if not count:
        click.echo("nothing in the ledger fits", err=True)
    elif last.maxlen is not None and count > len(last):
        earlier = counted(count - len(last), "earlier record")
        click.echo(f"{earlier} not shown: --all, or an option that chooses, such as --since or --ticket", err=True)


_SHOWN = 50
"""Records of `ledger log` that nobody asked for."""


@command.command()
@click.option(
    "--before", type=FIRST_INSTANT, metavar="DAY", required=True, help="Runs that began before this day or time."
)
@ledger_option
@format_option()
@common_options
def archive(invocation: Invocation, before: datetime, ledger: Path | None, style: str) -> None:
    """Pack old runs into compressed files, below `archive/`, which every command reads as before.

    The chain goes through them, and heads that were noted earlier stay valid. Where the configuration or
    RECONCILER_LEDGER_BRANCH names the ledger's branch, it is fetched first and the archives take the place of the runs
    on it, too. Runs of the last day stay.
    """
    folder, now = folder_of(invocation, ledger), SystemClock().now()
    branch = invocation.settings().ledger_branch if ledger is None else None
    if branch is not None:
        take_from_branch(git_from(os.environ), folder, branch)
    done = archive_runs(folder, before, now)
    head = push_archives(folder, branch, os.environ, done.lists) if branch is not None else None
    if style == "json":
        names = [path.relative_to(folder).as_posix() for path in done.lists]
        click.echo(json_text({"version": 1, "runs": list(done.runs), "archives": names, "commit": head}), nl=False)
        return
    click.echo(f"archived {counted(len(done.runs), 'run')} in {counted(len(done.lists), 'archive')}")
    if branch is not None:
        click.echo(f"{terminal(branch.name)} {f'is now {head[:12]}' if head else 'has them already'}", err=True)


@command.command()
@click.option("--head", metavar="HASH", help="A hash noted earlier, of the ledger or of any line: is it still there?")
@click.option("--plans", multiple=True, type=click.Path(path_type=Path), help="Saved plans and comments, or folders.")
@click.option("--pack", type=click.Path(path_type=Path, file_okay=False), help="An unpacked audit pack instead.")
@ledger_option
@format_option()
@common_options
def verify(
    invocation: Invocation,
    head: str | None,
    plans: tuple[Path, ...],
    pack: Path | None,
    ledger: Path | None,
    style: str,
) -> int:
    """Find every edit, gap, cut, moved line and removed file, and say where. Exits with 4 when there is one.

    Of an audit pack everything that shows its records is made again from its ledger, and compared.

    Lines at the very end that were cut off show only against --head, and a ledger that was written anew only against
    what names a state of it and lies elsewhere: --head, or saved plans and comments with --plans.
    """
    if pack is not None:
        return _compare_pack(pack)
    folder = folder_of(invocation, ledger)
    chain = check(folder, head)
    found, lost = anchors(folder, anchor_files(plans)) if plans and not chain.faults else ((), ())
    if style == "json":
        click.echo(_chain_json(folder, chain, found, lost), nl=False)
    else:
        text = _chain_text(folder, chain) + (problems_text(lost) if lost else "")
        click.echo(text + (f"origin: {origin_text(found)}\n" if plans and not chain.faults else ""), nl=False)
    return int(Exit.SERVER if chain.faults or lost else Exit.OK)


@command.command()
@period_options
@ledger_option
@format_option()
@common_options
def population(
    invocation: Invocation, *, since: datetime | None, until: datetime | None, ledger: Path | None, style: str
) -> int:
    """Count runs, decisions, outcomes and exceptions of a time, with the heads of the ledger that they rest on."""
    found = population_of(folder_of(invocation, ledger), since, until)
    if style == "json":
        click.echo(json_text({"version": 1, **plain(found), "foots": found.foots}), nl=False)
    else:
        click.echo(population_text(found, period_words(since, until), view_of(sys.stdout)), nl=False)
    return int(Exit.OK if found.foots else Exit.SERVER)


@command.command()
@click.option("--at", "moment", metavar="TIME", type=MOMENT, help="Only what held then, with its text.")
@ledger_option
@format_option()
@common_options
def policy(invocation: Invocation, moment: datetime | None, ledger: Path | None, style: str) -> None:
    """Show under which rules runs were, and who changed them; with --at those that held then, with their text."""
    folder = folder_of(invocation, ledger)
    changes = policy_changes(folder)
    held = rules_at(folder, changes, moment) if moment is not None else tuple((each, "") for each in changes)
    if style == "json":
        rows = [{**plain(each), **({"text": text} if moment is not None else {})} for each, text in held]
        click.echo(json_text({"version": 1, "head": ledger_head(folder), "changes": rows}), nl=False)
    elif moment is not None:
        click.echo(rules_text(held, view_of(sys.stdout)), nl=False)
    else:
        click.echo(policy_text(changes, view_of(sys.stdout)), nl=False)


@command.command()
@click.option(
    "--tpp-log", "file", type=click.Path(path_type=Path, dir_okay=False), required=True, help="TPP's log: JSON or CSV."
)
@click.option(
    "--columns", metavar="NAME=COLUMN,…", callback=_columns, help="Where time, object, name, text1, text2, by are."
)
@ledger_option
@format_option()
@common_options
def reconcile(
    invocation: Invocation, *, file: Path, columns: Mapping[str, str], ledger: Path | None, style: str
) -> int:
    """Hold TPP's own log against the ledger, and list what was decided outside, by whom. Exits with 5 for any.

    The log is what the call Log of TPP's Web SDK answers, or a table of it. A decision is ours by the tag in its text,
    or by its object within five minutes.
    """
    found = reconciled(folder_of(invocation, ledger), file, lambda data: read_log(data, {**COLUMNS, **columns}))
    by = {event.row: who(event) for event in found.outside}
    if style == "json":
        rows = [{**plain(event), "by": by[event.row] or None} for event in found.outside]
        counts = {"events": found.events, "decisions": found.decisions, "matched": len(found.matched)}
        absent = [record_members(record) for record in found.absent]
        click.echo(json_text({"version": 1, **counts, "outside": rows, "absent": absent}), nl=False)
    else:
        click.echo(reconciliation_text(found, by, view_of(sys.stdout)), nl=False)
    return int(Exit.ATTENTION if found.outside else Exit.OK)


@command.command()
@filter_options
@ledger_option
@format_option(("csv", "json"))
@click.option("--pack", type=click.Path(path_type=Path, dir_okay=False), help="Write an audit pack (zip) instead.")
@click.option("--excel", is_flag=True, help="CSV as spreadsheets read it: a mark for UTF-8, times without a letter.")
@click.option("--plans", multiple=True, type=click.Path(path_type=Path), help="Saved plans, or folders, for the pack.")
@common_options
def export(
    invocation: Invocation,
    *,
    wanted: Filter,
    ledger: Path | None,
    style: str,
    excel: bool,
    pack: Path | None,
    plans: tuple[Path, ...],
) -> int:
    """Print records as CSV (safe for spreadsheets) or JSON, oldest first, or write an audit pack.

    An audit pack has the records with the ledger files that prove them, plans, manifests at their commits, reviews,
    and VERIFY.md, which tells how to check it all without the reconciler. The same ledger gives the same bytes.
    """
    folder = folder_of(invocation, ledger)
    if pack is not None:
        check_outputs([Output("--pack", pack, OutputKind.PACK)], replace(Settings(), ledger=str(folder), tickets=()))
        return _write_pack(folder, wanted, plans, pack)
    records = _records(folder, wanted)
    if style == "json":
        sys.stdout.writelines(records_json(ledger_head(folder), records))
    else:
        sys.stdout.writelines(records_csv(records, excel=excel))
    return int(Exit.OK)


@command.command()
@click.argument("tickets", nargs=-1, required=True)
@click.option(
    "--taken-back",
    is_flag=True,
    help="You have looked: of what the updates asked for nothing counts, nobody is waited for.",
)
@format_option()
@common_options
def adopt(invocation: Invocation, tickets: tuple[str, ...], style: str, *, taken_back: bool) -> None:
    """Take updates into the ledger that tickets carry a tag of, and that the ledger does not know. Sends nothing.

    For tickets that `plan` shows as conflict/unknown-operation: another checkout wrote them, or the ledger was lost.
    Afterwards the present state of the ticket counts as brought about by us. A pending ticket counts as one that waits
    for other approvers of what its entry says, unless you say that the update was taken back.
    """
    with open_context(invocation.settings(), observer=Terminal()) as context:
        receipts = take_into_ledger(context, [named_in(context, each) for each in tickets], taken_back=taken_back)
    if style == "json":
        click.echo(json_text({"version": 1, "receipts": [plain(receipt) for receipt in receipts]}), nl=False)
        return
    for receipt in receipts:
        what = f"{receipt.guid}: {receipt.outcome}, {spell(receipt.after)} ({operation_tag(receipt.operation or '')})"
        click.echo(terminal(f"adopted {what} on {receipt.object}"))


def _write_pack(folder: Path, wanted: Filter, plans: tuple[Path, ...], out: Path) -> int:
    """Put evidence and what is made from the records into one zip, which is the same for the same ledger.

    It is put together in a folder for temporary files. Plans and comments that name another ledger than this go in,
    too: the pack shows it.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="pack-") as place:
            pack = Path(place)
            about = gather_evidence(folder, wanted, plans, pack)
            for name, pieces in _views(about).items():
                put(pack, name, pieces)
            put(pack, "SHA256SUMS", _sums(pack))
            write_zip(out, pack)
            lost = contradicted(folder, pack)
    except OSError as error:
        message = f"the pack can't be written: {error.strerror or error}"
        hint = f"make room in {Path(tempfile.gettempdir())} (TMPDIR says where), where it is put together, and there"
        raise InvalidInput((Problem("pack/unwritable", Source(str(out)), message, hint),)) from error
    count = sum(about.outcomes.values())
    click.echo(f"{terminal(str(out))}: {counted(count, 'record')}, ledger {about.head}", err=True)
    for absent in about.absent:
        click.echo(f"not in it: {terminal(absent.what)}: {terminal(absent.why)}", err=True)
    found_outside, contradicting = anchors(folder, anchor_files(plans))
    lost = (*contradicting, *lost)
    if lost:
        click.echo(problems_text(lost), err=True, nl=False)
    click.echo(f"origin: {origin_text(found_outside)}", err=True)
    return int(Exit.SERVER if lost else Exit.OK)


def _sums(pack: Path) -> list[bytes]:
    """Return the lines of SHA256SUMS."""
    lines = []
    for name, path in files_in(pack).items():
        with path.open("rb") as file:
            lines.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {name}\n".encode())
    return lines


def _views(about: Audit) -> dict[str, Iterator[bytes]]:
    """Make everything in a pack that is made from its records, piece by piece."""
    views = {
        "proof.json": proof_json(about),
        "records.json": records_json(about.head, about.records),
        "records.csv": records_csv(about.records),
        "reviews.json": reviews_json(about),
        "summary.html": audit_page(about),
        "VERIFY.md": iter((verify_guide(about),)),
    }
    return {name: (piece.encode("utf-8", "backslashreplace") for piece in text) for name, text in views.items()}


def _compare_pack(folder: Path) -> int:
    """Make the views of an unpacked pack again from its ledger, and say which ones differ."""
    try:
        made = _views(rebuilt(folder))
    except InvalidInput as invalid:
        click.echo(problems_text(invalid.problems), nl=False)
        return int(Exit.SERVER)
    differing = [name for name, pieces in made.items() if not _holds(folder / name, pieces)]
    for name in differing:
        click.echo(f"{terminal(str(folder / name))} is not what the pack's ledger says: it was edited, or another")
        click.echo("  release made it; `reconciler --version` is in each record as `tool`")
    if not differing:
        click.echo(f"views: OK, {counted(len(made), 'file')} made again from the ledger are the same")
    return int(Exit.SERVER if differing else Exit.OK)


def _holds(path: Path, pieces: Iterable[bytes]) -> bool:
    try:
        with path.open("rb") as file:
            return all(file.read(len(piece)) == piece for piece in pieces) and not file.read(1)
    except OSError:
        return False


def _chain_text(folder: Path, chain: Chain) -> str:
    torn = [
        f"{terminal(str(folder / place.path))}:{place.line}: cut off by a crash, never acted on" for place in chain.torn
    ]
    if chain.faults:
        placed = [
            replace(fault, source=replace(fault.source, path=_place(folder, fault.source.path)))
            for fault in chain.faults
        ]
        return joined(torn) + problems_text(placed) + _broken(folder, chain)
    size = f"{counted(chain.lines, 'line')} in {counted(chain.files, 'file')}"
    return joined([*torn, f"the ledger is intact: {size}", f"head {chain.head}"])


def _place(folder: Path, path: str) -> str:
    return str(folder) if Path(path) == folder else str(folder / path)


def _broken(folder: Path, chain: Chain) -> str:
    newer = any(fault.code == NEWER for fault in chain.faults)
    return f"the ledger in {terminal(str(folder))} is {'of a newer release' if newer else 'broken'}\n"


def _chain_json(folder: Path, chain: Chain, found: Sequence[Anchor], lost: Sequence[Problem]) -> str:
    document = {
        "version": 1,
        "ledger": str(folder),
        "holds": not chain.faults,
        "files": chain.files,
        "lines": chain.lines,
        "head": chain.head,
        "faults": [
            {"code": fault.code, "path": fault.source.path, "line": fault.source.line, "message": fault.message}
            for fault in chain.faults
        ],
        "torn": [{"path": place.path, "line": place.line} for place in chain.torn],
        "anchors": [plain(anchor) for anchor in found],
        "lost": [{"code": each.code, "path": each.source.path, "message": each.message} for each in lost],
    }
    return json_text(document)
