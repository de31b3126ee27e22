"""`reconciler init` on a repository that has it already: one more folder with rules, or the files of this release."""

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import click

from reconciler.app.outputs import changing, check_in_place, write_output
from reconciler.app.version import version
from reconciler.cli.options import DEFAULT_CONFIG
from reconciler.cli.terminal import is_interactive
from reconciler.codec import sha256
from reconciler.errors import GuardRefused
from reconciler.manifests.config import load_settings
from reconciler.manifests.text import folder_key
from reconciler.rendering.escape import terminal
from reconciler.rendering.words import counted

_OWNERS = ("CODEOWNERS", ".github/CODEOWNERS", "docs/CODEOWNERS")
_TEAM = re.compile(r"@[\w.-]+/([a-z0-9][a-z0-9_-]*)")
_MARKED = re.compile(r"\.github/(workflows/[^/]+|dependabot)\.yml")
_SCHEMA = re.compile(r"schemas/[^/]+\.schema\.json")
_MARK = re.compile(r"# Written by `reconciler init` \S+ \(sha256:([0-9a-f]{16})\)[^\n]*\n")
_CALL = re.compile(r"(uses: )([\w.-]+/[\w.-]+)(/\.github/workflows/[\w.-]+)@([0-9a-f]{40}(?: # v\S+)?)")
_WIDEST = 1_000


def add_folder(root: Path, name: str, owns: tuple[str, ...], team: str) -> None:
    """Write the rule of a folder and its owner, and say so. Raises BadParameter, InvalidInput."""
    name = os.path.normpath(name).replace(os.sep, "/")
    config = root / DEFAULT_CONFIG
    if not config.is_file():
        raise click.UsageError(f"{root} has no {DEFAULT_CONFIG}: make it first with `reconciler init`")
    settings = load_settings(config, None, {})
    if name.startswith(("/", "..")) or not re.fullmatch(r"[\w./-]+", name):
        raise click.BadParameter("name a folder of the repository, such as tickets/web", param_hint="--folder")
    if folder_key(name) in map(folder_key, settings.policy.folders):
        raise click.BadParameter(
            f"{DEFAULT_CONFIG} has rules of {name} already: edit them there", param_hint="--folder"
        )
    rule = _rule(owns, team)
    text = config.read_text(encoding="utf-8")
    changed = _with_rule(text, name, rule)
    if changed is None:
        raise click.UsageError(
            f"{config} has its policy in one line: write it out, or add `folders: {{{name}: {rule}}}` by hand"
        )
    owners = next((root / each for each in _OWNERS if (root / each).is_file()), root / _OWNERS[1])
    before = owners.read_text(encoding="utf-8") if owners.is_file() else ""
    check_in_place((config, owners), os.path.realpath(root))
    write_output(config, changed)
    try:
        load_settings(config, None, {})
    except Exception:
        write_output(config, text)
        raise
    click.echo(f"added the rules of {name} to {config}: {rule}")
    with changing(owners):
        owners.parent.mkdir(parents=True, exist_ok=True)
    write_output(owners, _with_owner(before, f"/{name}/", team))
    click.echo(f"added /{name}/ {team} to {owners}")


def _rule(owns: tuple[str, ...], team: str) -> str:
    patterns = ", ".join("'" + pattern.replace("'", "''") + "'" for pattern in owns)
    parts = [f"owns: [{patterns}]"] if owns else []
    slug = _TEAM.fullmatch(team)
    parts += [f"reviewers: {{teams: [{slug[1]}]}}"] if slug else ["reviewers: 1"]
    return "{" + ", ".join(parts) + "}"


def _with_rule(text: str, name: str, rule: str) -> str | None:
    """Return the configuration with one rule more; None when it is written so that no line can be added."""
    lines = text.splitlines(keepends=True)
    policy = _line_of(lines, "policy", "", 0)
    if policy is None:
        if re.search(r"^policy\s*:", text, re.MULTILINE):
            return None
        end = "" if not lines or text.endswith("\n") else "\n"
        return f"{text}{end}policy:\n  folders:\n    {name}: {rule}\n"
    inside = _indent_below(lines, policy)
    folders = _line_of(lines, "folders", inside, policy + 1)
    if folders is not None:
        deeper = _indent_below(lines, folders)
        lines.insert(folders + 1, f"{deeper}{name}: {rule}\n")
    elif any(re.match(rf"{inside}folders\s*:", line) for line in _block(lines, policy)):
        return None
    else:
        lines.insert(policy + 1, f"{inside}folders:\n{inside}  {name}: {rule}\n")
    return "".join(lines)


def _line_of(lines: list[str], key: str, indent: str, start: int) -> int | None:
    """Return the line that opens a block, None when there is none, or it stands in one line."""
    block = range(start, len(lines)) if not indent else range(start, start + len(_block(lines, start - 1)))
    return next((at for at in block if re.fullmatch(rf"{indent}{key}:[ \t]*(#.*)?\r?\n?", lines[at])), None)


def _block(lines: list[str], opened: int) -> list[str]:
    """Return the lines below a key."""
    outer = len(lines[opened]) - len(lines[opened].lstrip(" "))
    found = []
    for line in lines[opened + 1 :]:
        bare = line.strip()
        if bare and not bare.startswith("#") and len(line) - len(line.lstrip(" ")) <= outer:
            break
        found.append(line)
    return found


def _indent_below(lines: list[str], opened: int) -> str:
    outer = len(lines[opened]) - len(lines[opened].lstrip(" "))
    first = next((line for line in _block(lines, opened) if line.strip() and not line.strip().startswith("#")), "")
    return " " * ((len(first) - len(first.lstrip(" "))) if first else outer + 2)


def _with_owner(text: str, pattern: str, team: str) -> str:
    """Add a line before those of folders below it: of several that match, the last one counts."""
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    at = next((n for n, line in enumerate(lines) if line.split("#")[0].strip().startswith(pattern)), len(lines))
    lines.insert(at, f"{pattern:<18} {team}\n")
    return "".join(lines)


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
