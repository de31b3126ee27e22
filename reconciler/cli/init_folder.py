"""`reconciler init --folder`: one more folder with rules of its own, and its line in CODEOWNERS."""

import os
import re
from pathlib import Path

import click

from reconciler.app.outputs import changing, check_in_place, write_output
from reconciler.cli.options import DEFAULT_CONFIG
from reconciler.manifests.config import load_settings
from reconciler.manifests.text import folder_key

_OWNERS = ("CODEOWNERS", ".github/CODEOWNERS", "docs/CODEOWNERS")
_TEAM = re.compile(r"@[\w.-]+/([a-z0-9][a-z0-9_-]*)")


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
