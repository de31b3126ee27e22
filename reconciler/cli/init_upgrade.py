"""`reconciler init --upgrade`: workflows and schemas of this release. What a team wrote is shown before it goes."""

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import click

from reconciler.app.outputs import check_in_place, write_output
from reconciler.app.version import version
from reconciler.cli.terminal import is_interactive
from reconciler.codec import sha256
from reconciler.errors import GuardRefused
from reconciler.rendering.escape import terminal
from reconciler.rendering.words import counted

_MARKED = re.compile(r"\.github/(workflows/[^/]+|dependabot)\.yml")
_SCHEMA = re.compile(r"schemas/[^/]+\.schema\.json")
_MARK = re.compile(r"# Written by `reconciler init` \S+ \(sha256:([0-9a-f]{16})\)[^\n]*\n")
_CALL = re.compile(r"(uses: )([\w.-]+/[\w.-]+)(/\.github/workflows/[\w.-]+)@([0-9a-f]{40}(?: # v\S+)?)")
_WIDEST = 1_000


@dataclass(frozen=True, slots=True)
class _Change:
    """One file that this release has otherwise. `own` when a team may have changed what is there."""

    path: Path
    before: str
    after: str
    own: bool


def marked(name: str, text: str) -> str:
    """Return a file as init writes it: workflows with a first line that tells later whether anybody changed them."""
    if not _MARKED.fullmatch(name):
        return text
    return (
        f"# Written by `reconciler init` {version()} (sha256:{_digest(text)}), for `reconciler init --upgrade`.\n{text}"
    )


def unmarked(text: str) -> str:
    """Return what init wrote below that line."""
    return _MARK.sub("", text, count=1) if _MARK.match(text) else text


def upgrade(folder: Path, scaffold: Mapping[str, str], *, called: bool, dry_run: bool, yes: bool) -> None:
    """Show how the files that init wrote differ from those of this release, and write these.

    With `called` the workflows call what `scaffold` says, else what they call now. Files that are not there stay away.
    Raises GuardRefused for a no, and UsageError where nobody can be asked about changes of a team's own.
    """
    ours = {name: text for name, text in scaffold.items() if _MARKED.fullmatch(name) or _SCHEMA.fullmatch(name)}
    absent = [name for name in ours if not os.path.lexists(folder / name)]
    there = {name: text for name, text in ours.items() if name not in absent}
    check_in_place((folder / name for name in there), os.path.realpath(folder))
    changes = list(_changes(folder, there, called))
    for change in changes:
        for line in difflib.unified_diff(
            change.before.splitlines(), change.after.splitlines(), str(change.path), str(change.path), lineterm=""
        ):
            click.echo(terminal(line, _WIDEST))
    for name in absent:
        click.echo(f"{folder / name} is not there; `reconciler init` without --upgrade writes it")
    own = [change.path for change in changes if change.own]
    for path in own:
        click.echo(f"{path} was changed after init wrote it, or an early release did: its lines with - would be lost")
    if not changes:
        click.echo(f"nothing to do: workflows and schemas are those of {version()}")
    if dry_run or not changes:
        return
    if own and not yes:
        _ask(len(own))
    for change in changes:
        write_output(change.path, change.after)
        click.echo(f"wrote {change.path}")


def _changes(folder: Path, scaffold: Mapping[str, str], called: bool) -> Iterator[_Change]:
    for name, text in scaffold.items():
        path = folder / name
        try:
            before = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise click.UsageError(f"{path} is no text file: move it away, and init writes another") from None
        after = text if called else _calling_the_same(before, text)
        if unmarked(before) != after:
            yield _Change(
                path, before, marked(name, after), bool(_MARKED.fullmatch(name)) and not _is_untouched(before)
            )


def _calling_the_same(before: str, after: str) -> str:
    """Have the workflows that this release calls come from where those of before do, at the same commit."""
    there = _CALL.search(before)
    if there is None:
        return after
    return _CALL.sub(lambda found: f"{found[1]}{there[2]}{found[3]}@{there[4]}", after)


def _is_untouched(text: str) -> bool:
    mark = _MARK.match(text)
    return mark is not None and mark[1] == _digest(unmarked(text))


def _digest(text: str) -> str:
    """Return a digest that a newer commit of the called workflows, as Dependabot writes it, does not change."""
    return sha256(_CALL.sub(r"\1\3", text).encode()).removeprefix("sha256:")[:16]


def _ask(number: int) -> None:
    if not is_interactive():
        raise click.UsageError("nobody can be asked here: add --yes to write over changes of your own, or --dry-run")
    if not click.confirm(f"Write over {counted(number, 'file')} with changes of your own?", err=True):
        raise GuardRefused("not confirmed, so nothing was written", "git has what is there once it is committed")
