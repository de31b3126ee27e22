"""`reconciler init`: a repository of manifests that validates, with workflows, owners and editor settings."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import click

from reconciler.app.doctor import wanted_setup
from reconciler.app.outputs import changing, check_in_place, write_output
from reconciler.cli.examples import examples
from reconciler.cli.init_again import add_folder, marked, unmarked, upgrade
from reconciler.cli.options import DEFAULT_CONFIG, Invocation, common_options
from reconciler.cli.terminal import is_interactive
from reconciler.github.setup import Names, called_workflows, setup_script
from reconciler.manifests.config import load_settings
from reconciler.manifests.schema import text as schema_text
from reconciler.model.server_url import InvalidServerUrl, parse_server_url
from reconciler.model.value import replace

_EXAMPLE_SERVER = "https://tpp.example.com"
_EXAMPLE_OWNS = r"'\VED\Policy\Web\**'"
_EXAMPLE_TEAM = "@example-org/certificate-approvers"
_EXAMPLE_OPERATORS = "@example-org/pki-operators"
_EXAMPLE_AUTH = re.compile(r"# No secret is stored:[^\n]*\nauth:\n(?:  [^\n]*\n)+")
_EXAMPLE_SOURCE = re.compile(r"example-org/tpp-reconciler(\S*?)@[0-9a-f]{40}( # v\S+)?")
_EXAMPLE_HOOKS = re.compile(r"(https://github\.com/)example-org/tpp-reconciler(\s+rev: )[0-9a-f]{40}( # frozen: \S+)?")
_EXAMPLE_REVIEWS = re.compile(r"  four_eyes: [^\n]*\n  reviewed_plan: [^\n]*\n")
_NO_REVIEWS = """  # Nobody has to review. With pull requests on GitHub, ask for it:
  # four_eyes: {reviewers: 1}
  # reviewed_plan: required
"""
_TOKEN_AUTH = """# The token comes from TPP_TOKEN, a file or standard input, and never stands in this repository.
auth:
  method: token
"""
_SOURCE = re.compile(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}")
_OWNER = re.compile(r"@[\w.-]+(/[\w.-]+)?|[^@\s]+@[^@\s]+")
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


@dataclass(frozen=True, slots=True)
class Answers:
    """What a team says of itself. `source` is OWNER/REPO@SHA, None to be filled in later; `reviews` whether GitHub has
    them.
    """

    server: str
    owns: tuple[str, ...]
    team: str
    operators: str
    source: str | None
    auth: str
    reviews: bool = True


def checked(answers: Answers) -> Answers:
    """Return the answers in their usual spelling. Raises ValueError: the option, then what is wrong with it."""
    try:
        server = str(parse_server_url(answers.server))
    except InvalidServerUrl as error:
        raise ValueError(f"--server {error.message}; {error.hint}") from None
    for pattern in answers.owns:
        if not pattern.startswith("\\") or not pattern.isprintable():
            raise ValueError(rf"--owns {pattern!r} is no pattern for objects; write it as in \VED\Policy\Web\**")
    for option, owner in (("--team", answers.team), ("--operators", answers.operators)):
        if not _OWNER.fullmatch(owner):
            raise ValueError(f"{option} {owner!r} is no owner of code; write @ORG/TEAM, @USER or an email address")
    if answers.source is not None and not _SOURCE.fullmatch(answers.source):
        raise ValueError("--source write OWNER/REPO@ and the 40 digits of a commit")
    return replace(answers, server=server)


def files(answers: Answers) -> Mapping[str, str]:
    """Return every file of the new repository by its path."""
    template = examples() / "gitops"
    found = {}
    for path in sorted(path for path in template.rglob("*") if path.is_file()):
        name = path.relative_to(template).as_posix()
        if not name.startswith(_ASIDE):
            found[name] = _filled(path.read_text(encoding="utf-8"), answers)
    found["tickets/sample.yaml"] = _FIRST_MANIFEST
    for schema in ("decisions", "config", "rules"):
        found[f"schemas/{schema}.schema.json"] = schema_text(schema)
    return found


def _filled(text: str, answers: Answers) -> str:
    quoted = ", ".join("'" + pattern.replace("'", "''") + "'" for pattern in answers.owns)
    if answers.auth == "token":
        text = _EXAMPLE_AUTH.sub(lambda _: _TOKEN_AUTH, text)
    if not answers.reviews:
        text = _EXAMPLE_REVIEWS.sub(lambda _: _NO_REVIEWS, text)
    text = text.replace(_EXAMPLE_SERVER, answers.server).replace(_EXAMPLE_OWNS, quoted)
    text = text.replace(_EXAMPLE_TEAM, answers.team).replace(_EXAMPLE_OPERATORS, answers.operators)
    if answers.source is None:
        return text
    repository, _, commit = answers.source.partition("@")
    text = _EXAMPLE_HOOKS.sub(lambda found: f"{found.group(1)}{repository}{found.group(2)}{commit}", text)
    return _EXAMPLE_SOURCE.sub(lambda found: f"{repository}{found.group(1)}@{commit}", text)


_SERVER, _OWNS, _TEAM = "https://tpp.example.com", r"\VED\Policy\**", "@example-org/certificate-approvers"


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=".")
@click.option("--server", metavar="URL", help="The TPP server [default: TPP_URL].")
@click.option("--owns", multiple=True, metavar="PATTERN", help="Objects that the repository may decide on.")
@click.option("--team", metavar="@ORG/TEAM", help="Who reviews decisions (CODEOWNERS).")
@click.option("--operators", metavar="@ORG/TEAM", help="Who reviews configuration and workflows [default: the team].")
@click.option("--source", metavar="OWNER/REPO@SHA", help="Where the reusable workflows come from, by commit.")
@click.option(
    "--auth",
    type=click.Choice(("oidc", "github-oidc", "token")),
    default="oidc",
    show_default=True,
    help="How to log in: with GitHub's word for the job and no stored secret, or with TPP_TOKEN.",
)
@click.option(
    "--reviews",
    type=click.Choice(("github", "none")),
    default="github",
    show_default=True,
    help="Who has to agree: reviewers of pull requests on GitHub, or nobody, to try it out on one machine.",
)
@click.option(
    "--github", metavar="OWNER/NAME", help="Print a script of `gh` calls that sets this repository up; write nothing."
)
@click.option("--folder", "one_more", metavar="NAME", help="Add a folder with rules of its own to what is there.")
@click.option("--upgrade", "upgrading", is_flag=True, help="Show and write this release's workflows and schemas.")
@click.option("--dry-run", is_flag=True, help="With --upgrade: show, and write nothing.")
@click.option("--yes", is_flag=True, help="With --upgrade: write over changes of your own, too.")
@common_options
def command(
    invocation: Invocation,
    folder: Path,
    server: str | None,
    owns: tuple[str, ...],
    team: str | None,
    operators: str | None,
    source: str | None,
    auth: str,
    reviews: str,
    github: str | None,
    one_more: str | None,
    upgrading: bool,
    dry_run: bool,
    yes: bool,
) -> int:
    """Set up a repository of manifests in FOLDER. What is there already is never overwritten.

    On a terminal, what is not given is asked for. --folder adds the rules of one more folder, for --owns and --team, to
    the configuration and to CODEOWNERS. --github prints what is to be set on GitHub, from the configuration
    and the workflows in FOLDER: rules, environments, variables, permissions, the subject that TPP trusts. --upgrade
    shows how workflows and schemas differ from those of this release, and writes these; with --source they call that
    commit, else the one that they call now.
    """
    if (dry_run or yes) and not upgrading:
        raise click.UsageError("--dry-run and --yes belong to --upgrade")
    if one_more is not None:
        if not team or not owns:
            raise click.UsageError("--folder needs --owns and --team: what it may decide on, and who reviews it")
        checks = _checked(Answers(server or _SERVER, owns, team, team, None, "token"))
        add_folder(folder, one_more, checks.owns, checks.team)
        return 0
    if upgrading:
        answers = _checked(Answers(server or _SERVER, owns, team or _TEAM, operators or _TEAM, source, auth))
        upgrade(folder, files(answers), called=source is not None, dry_run=dry_run, yes=yes)
        return 0
    if github is not None:
        return _print_setup(folder, invocation.environment, github, server, source)

    def ask(question: str, default: str) -> str:
        return str(click.prompt(question, default=default, err=True)) if is_interactive() else default

    server = server or ask("TPP server", os.environ.get("TPP_URL") or _SERVER)
    owns = owns or (ask("Objects it may decide on", _OWNS),)
    team = team or ask("Reviewing team", _TEAM)
    answers = _checked(Answers(server, owns, team, operators or team, source, auth, reviews == "github"))
    scaffold = files(answers)
    there = [name for name in scaffold if os.path.lexists(folder / name)]
    missing = {name: text for name, text in scaffold.items() if name not in there and not _has_manifests(folder, name)}
    check_in_place((folder / name for name in missing), os.path.realpath(folder))
    for name, text in missing.items():
        path = folder / name
        with changing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        write_output(path, marked(name, text))
        click.echo(f"wrote {path}")
    for name in there:
        click.echo(f"kept {folder / name}, which is there already" + _differs(folder / name, scaffold[name]))
    _what_next(folder, answers)
    return 0


def _print_setup(folder: Path, environment: str | None, github: str, server: str | None, source: str | None) -> int:
    """Print the script for a repository that is there: its configuration says how to log in and where."""
    path = folder / DEFAULT_CONFIG
    if not path.exists():
        raise click.UsageError(
            f"{folder} has no {DEFAULT_CONFIG}: make it first with `reconciler init` without --github"
        )
    settings = load_settings(path, environment, {"TPP_URL": server} if server else {})
    if source is not None and not _SOURCE.fullmatch(source):
        raise click.BadParameter("write OWNER/REPO@ and the 40 digits of a commit", param_hint="--source")
    where, _, commit = (source or "").partition("@")
    called = (where, commit) if source else next(iter(called_workflows(folder)), None)
    click.echo(setup_script(wanted_setup(github, settings, Names(), called)), nl=False)
    return 0


def _checked(answers: Answers) -> Answers:
    try:
        return checked(answers)
    except ValueError as error:
        option, _, message = str(error).partition(" ")
        raise click.BadParameter(message, param_hint=option) from None


def _has_manifests(folder: Path, name: str) -> bool:
    """Whether a sample has no place any more, because there are manifests."""
    return name == "tickets/sample.yaml" and any((folder / "tickets").rglob("*.y*ml"))


def _differs(path: Path, text: str) -> str:
    try:
        return "" if unmarked(path.read_text(encoding="utf-8")) == text else "; it differs from what init would write"
    except (OSError, UnicodeDecodeError):
        return "; it is no text file"


def _what_next(folder: Path, answers: Answers) -> None:
    click.echo()
    into = "" if folder.resolve() == Path.cwd() else f"cd {folder}, "
    click.echo(f"Next: {into}reconciler validate, and with a token in TPP_TOKEN reconciler doctor and list.")
    click.echo("On GitHub: reconciler init --github OWNER/NAME prints the set-up, reconciler github doctor checks it.")
    if answers.auth != "token":
        click.echo("The configuration logs in through GitHub's OIDC; for a token set auth.method to token.")
    if answers.reviews:
        click.echo("An apply asks for reviews on GitHub; to try it out on one machine, init with --reviews none.")
    if answers.source is None:
        click.echo(
            "In .github/workflows, replace example-org/tpp-reconciler by where you keep the reconciler, by commit."
        )
