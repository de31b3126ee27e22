"""`reconciler init`: a repository of manifests that validates, with workflows, owners and editor settings."""

import re
from collections.abc import Mapping
from pathlib import Path

import click

from reconciler.cli.options import Invocation, common_options

_EXAMPLE_SERVER = "https://tpp.example.com"
_EXAMPLE_OWNS = r"'\VED\Policy\Web\**'"
_EXAMPLE_TEAM = "@example-org/certificate-approvers"
_EXAMPLE_OPERATORS = "@example-org/pki-operators"
_EXAMPLE_SOURCE = re.compile(r"example-org/tpp-reconciler(\S*?)@[0-9a-f]{40}( # v\S+)?")
_SOURCE = re.compile(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}")
_FIRST_MANIFEST = r"""# yaml-language-server: $schema=../schemas/decisions.schema.json
#
# One decision for each ticket. `reconciler import` writes entries for new tickets, all of them Pending;
# change `status`, open a pull request, and have it reviewed. This entry is a sample: it decides nothing.
version: 1
tickets:
  - guid: 00000000-0000-4000-8000-000000000000
    status: Pending
    explanation: A sample that names no real ticket; remove it once there are others
"""
_ASIDE = ("tickets/2036", "README.md")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=".")
@click.option("--server", metavar="URL", help="The TPP server.")
@click.option("--owns", multiple=True, metavar="PATTERN", help="Objects that the repository may decide on.")
@click.option("--team", metavar="@ORG/TEAM", help="Who reviews decisions (CODEOWNERS).")
@click.option("--operators", metavar="@ORG/TEAM", help="Who reviews configuration and workflows [default: the team].")
@click.option("--source", metavar="OWNER/REPO@SHA", help="Where the reusable workflows come from, by commit.")
@common_options
def command(
    invocation: Invocation,  # noqa: ARG001 - every command takes the options
    folder: Path,
    server: str | None,
    owns: tuple[str, ...],
    team: str | None,
    operators: str | None,
    source: str | None,
) -> int:
    """Set up a repository of manifests in FOLDER. What is there already is never overwritten.

    On a terminal, what is not given is asked for.
    """
    from reconciler.cli.terminal import is_interactive

    asked = is_interactive()
    server = server or (click.prompt("TPP server", default=_EXAMPLE_SERVER, err=True) if asked else _EXAMPLE_SERVER)
    if not owns:
        default = r"\VED\Policy\**"
        owns = (click.prompt("Objects it may decide on", default=default, err=True) if asked else default,)
    team = team or (click.prompt("Reviewing team", default=_EXAMPLE_TEAM, err=True) if asked else _EXAMPLE_TEAM)
    if source is not None and not _SOURCE.fullmatch(source):
        raise click.BadParameter("write OWNER/REPO@ and the 40 digits of a commit", param_hint="--source")
    files = _files(server, owns, team, operators or team, source)
    _refuse_to_overwrite(folder, files)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        click.echo(f"wrote {path}")
    _what_next(folder, source)
    return 0


def _files(server: str, owns: tuple[str, ...], team: str, operators: str, source: str | None) -> Mapping[str, str]:
    """Return every file of the new repository by its path, taken from the example repository."""
    from reconciler.cli.examples import examples
    from reconciler.manifests.schemas import text as schema_text

    template = examples() / "gitops"
    files = {}
    for path in sorted(path for path in template.rglob("*") if path.is_file()):
        name = path.relative_to(template).as_posix()
        if not name.startswith(_ASIDE):
            files[name] = _filled(path.read_text(encoding="utf-8"), server, owns, team, operators, source)
    files["tickets/sample.yaml"] = _FIRST_MANIFEST
    for schema in ("decisions", "config", "rules"):
        files[f"schemas/{schema}.schema.json"] = schema_text(schema)
    return files


def _filled(text: str, server: str, owns: tuple[str, ...], team: str, operators: str, source: str | None) -> str:
    quoted = ", ".join("'" + pattern.replace("'", "''") + "'" for pattern in owns)
    text = text.replace(_EXAMPLE_SERVER, server.rstrip("/")).replace(_EXAMPLE_OWNS, quoted)
    text = text.replace(_EXAMPLE_TEAM, team).replace(_EXAMPLE_OPERATORS, operators)
    if source is None:
        return text
    repository, _, commit = source.partition("@")
    return _EXAMPLE_SOURCE.sub(lambda found: f"{repository}{found.group(1)}@{commit}", text)


def _refuse_to_overwrite(folder: Path, files: Mapping[str, str]) -> None:
    there = [name for name in files if (folder / name).exists()]
    if there:
        raise click.UsageError(
            f"{folder} has {', '.join(there)} already; nothing was written. "
            "Choose an empty folder, or move these files away first."
        )


def _what_next(folder: Path, source: str | None) -> None:
    click.echo()
    click.echo(f"Next: cd {folder}, reconciler validate, and with a token in TPP_TOKEN reconciler doctor.")
    click.echo("The configuration logs in through GitHub's OIDC; for a token set auth.method to token.")
    if source is None:
        click.echo(
            "In .github/workflows, replace example-org/tpp-reconciler by where you keep the reconciler, by commit."
        )
