"""`reconciler github`: what the workflows call, each command imported only when it is called."""

import importlib

import click

_MODULES = {
    "run": ("github_run", "Run what the action's inputs say, and set its outputs."),
    "comment": ("github_post", "Keep the plan's comment on the pull request up to date."),
    "outcome": ("github_post", "Tell the merged pull request what became of it."),
    "drift": ("github_post", "Open, update or close the one drift issue."),
    "summary": ("github_files", "Write plan or run to the job summary."),
    "verdict": ("github_files", "Write a plan to the job summary and leave with its exit code."),
    "import-pr": ("github_branches", "Propose new manifests in one pull request."),
    "ledger": ("github_branches", "Fetch the ledger from its branch, or push it there."),
    "statement": ("github_files", "Write the in-toto statement about a run."),
    "merge-plans": ("github_files", "Merge the plans of all shards."),
    "merge-runs": ("github_files", "Merge the reports of all shards."),
}


class _LazyGroup(click.Group):
    """Knows its commands by name; the name of a command's variable is the command's with underscores."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Name the commands in the order of the table."""
        return list(_MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        """Import the module of one command."""
        if cmd_name not in _MODULES:
            return None
        module = importlib.import_module(f"reconciler.cli.{_MODULES[cmd_name][0]}")
        found: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """List the commands from the table, importing none."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in _MODULES.items()])


@click.group(cls=_LazyGroup)
def command() -> None:
    """Work inside GitHub Actions. Reads the variables of the job; the token comes in GITHUB_TOKEN."""
