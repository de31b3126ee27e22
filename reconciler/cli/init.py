"""`reconciler init`: a repository of manifests that validates, with workflows, owners and editor settings."""

from collections.abc import Mapping
from pathlib import Path

import click

from reconciler.app.outputs import changing
from reconciler.cli.options import Invocation, common_options
from reconciler.cli.scaffold import Answers, checked, files
from reconciler.cli.terminal import is_interactive

_SERVER, _OWNS, _TEAM = "https://tpp.example.com", r"\VED\Policy\**", "@example-org/certificate-approvers"


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=".")
@click.option("--server", metavar="URL", help="The TPP server.")
@click.option("--owns", multiple=True, metavar="PATTERN", help="Objects that the repository may decide on.")
@click.option("--team", metavar="@ORG/TEAM", help="Who reviews decisions (CODEOWNERS).")
@click.option("--operators", metavar="@ORG/TEAM", help="Who reviews configuration and workflows [default: the team].")
@click.option("--source", metavar="OWNER/REPO@SHA", help="Where the reusable workflows come from, by commit.")
@click.option(
    "--auth",
    type=click.Choice(("github-oidc", "token")),
    default="github-oidc",
    show_default=True,
    help="How to log in: with GitHub's word for the job and no stored secret, or with TPP_TOKEN.",
)
@common_options
def command(
    invocation: Invocation,  # noqa: ARG001 - every command takes the options
    folder: Path,
    server: str | None,
    owns: tuple[str, ...],
    team: str | None,
    operators: str | None,
    source: str | None,
    auth: str,
) -> int:
    """Set up a repository of manifests in FOLDER. What is there already is never overwritten.

    On a terminal, what is not given is asked for.
    """

    def ask(question: str, default: str) -> str:
        return str(click.prompt(question, default=default, err=True)) if is_interactive() else default

    server = server or ask("TPP server", _SERVER)
    owns = owns or (ask("Objects it may decide on", _OWNS),)
    team = team or ask("Reviewing team", _TEAM)
    answers = _checked(Answers(server, owns, team, operators or team, source, auth))
    scaffold = files(answers)
    _refuse_to_overwrite(folder, scaffold)
    for name, text in scaffold.items():
        path = folder / name
        with changing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        click.echo(f"wrote {path}")
    _what_next(folder, answers)
    return 0


def _checked(answers: Answers) -> Answers:
    try:
        return checked(answers)
    except ValueError as error:
        option, _, message = str(error).partition(" ")
        raise click.BadParameter(message, param_hint=option) from None


def _refuse_to_overwrite(folder: Path, files: Mapping[str, str]) -> None:
    there = [name for name in files if (folder / name).exists()]
    if there:
        raise click.UsageError(
            f"{folder} has {', '.join(there)} already; nothing was written. "
            "Choose an empty folder, or move these files away first."
        )


def _what_next(folder: Path, answers: Answers) -> None:
    click.echo()
    click.echo(f"Next: cd {folder}, reconciler validate, and with a token in TPP_TOKEN reconciler doctor.")
    if answers.auth != "token":
        click.echo("The configuration logs in through GitHub's OIDC; for a token set auth.method to token.")
    if answers.source is None:
        click.echo(
            "In .github/workflows, replace example-org/tpp-reconciler by where you keep the reconciler, by commit."
        )
