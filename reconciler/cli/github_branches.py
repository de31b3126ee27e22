"""`reconciler github ledger | import-pr`: branches that the workflows write to."""

import os
from pathlib import Path

import click

from reconciler.cli.actions import announce, open_actions, open_git
from reconciler.cli.options import Invocation, common_options
from reconciler.github.event import read_event

_LEDGER = click.option("--branch", default="reconciler-ledger", show_default=True, help="The branch of the ledger.")


@click.group()
def ledger() -> None:
    """Keep the ledger between runs, on a branch of its own."""


@ledger.command()
@_LEDGER
@common_options
def pull(invocation: Invocation, branch: str) -> None:
    """Fetch the ledger from its branch and verify it, so that nothing is applied on top of a broken one."""
    from reconciler.github.branch import fetch_ledger
    from reconciler.ledger.chain import verify

    folder = Path(invocation.settings().ledger)
    head = fetch_ledger(open_git(), folder, branch)
    verify(folder)
    click.echo(f"ledger: {branch} {head[:12] if head else 'does not exist yet'}, verified", err=True)


@ledger.command()
@_LEDGER
@common_options
def push(invocation: Invocation, branch: str) -> None:
    """Add what this run wrote to the branch of the ledger."""
    from reconciler.github.branch import push_ledger
    from reconciler.ledger.chain import verify

    folder = Path(invocation.settings().ledger)
    if not folder.exists():
        click.echo("ledger: nothing was written", err=True)
        return
    verify(folder)
    git, event = open_git(), read_event(os.environ)
    message = f"Record a run of {git.run('rev-parse', '--short=12', 'HEAD')}\n\n{event.run_url if event else ''}\n"
    head = push_ledger(git, folder, branch, message)
    click.echo(f"ledger: {f'{branch} is now {head[:12]}' if head else 'nothing was written'}", err=True)


@click.command(name="import-pr")
@click.option("--branch", default="reconciler/import", show_default=True, help="The branch to propose from.")
@click.option("--base", help="The branch to propose to [default: the one that the run is on].")
@click.option("--title", default="Import new tickets", show_default=True, help="The pull request's title.")
@click.option("--body", type=click.Path(path_type=Path, dir_okay=False), help="Markdown to put into it.")
@click.argument("paths", nargs=-1, required=True, type=click.Path())
def import_pr(branch: str, base: str | None, title: str, body: Path | None, paths: tuple[str, ...]) -> None:
    """Propose what changed under PATHS in one pull request that is kept up to date."""
    from reconciler.github.branch import keep_pull, push_proposal
    from reconciler.github.output import set_outputs
    from reconciler.rendering.escape import code

    actions = open_actions()
    base = base or actions.event.branch or "main"
    proposal = push_proposal(open_git(), branch, paths, title, base=base)
    set_outputs(os.environ, {"files": str(len(proposal.files))})
    if not proposal.files:
        click.echo("import: nothing is new", err=True)
        return
    listed = "".join(f"- {code(name, 200)}\n" for name in proposal.files)
    lead = body.read_text(encoding="utf-8") if body is not None else _LEAD
    posted = keep_pull(actions.github, branch=branch, base=base, title=title, body=f"{lead}\n{listed}")
    announce(posted, "pull request")


_LEAD = """\
New tickets are waiting. Every one of them is written down as `Pending`, so merging this changes nothing in TPP.

Decide in this pull request or in one of your own: set `status`, and the schedule where it needs one.
Once somebody else has pushed to this branch it is no longer updated.
"""
