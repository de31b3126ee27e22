"""`reconciler demo`: the main job on the sandbox, told in plain words, with the commands that a user would type."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from reconciler.app.context import SystemClock
from reconciler.app.outputs import write_output
from reconciler.cli.examples import examples
from reconciler.cli.options import Invocation, common_options
from reconciler.errors import ReconcilerError

_CONFIG = """\
version: 1
server: {url}
tickets: [tickets]
ledger: ledger
policy:
  require: [explanation, change]
  change_pattern: '^CHG[0-9]{{7}}$'
"""


@click.command()
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False), help="Leave the demo's repository here.")
@common_options
def command(invocation: Invocation, keep: Path | None) -> int:  # noqa: ARG001 - every command takes the options
    """Run the main job against the sandbox: validate, plan, apply, plan again."""
    try:  # an extra, which may be absent
        from reconciler.cli.sandbox_session import read_seed
        from reconciler.sandbox.running import Listening, running_sandbox
    except ImportError:
        raise click.UsageError("the demo needs the sandbox: pip install 'tpp-reconciler[sandbox]'") from None
    if keep is not None and keep.exists() and any(keep.iterdir()):
        raise click.BadParameter(f"there is something in {keep} already; choose an empty folder", param_hint="--keep")
    with TemporaryDirectory(prefix="reconciler-demo-") as folder:
        home = (keep or Path(folder) / "approvals").resolve()
        shutil.copytree(examples() / "tickets", home / "tickets")
        seed = read_seed(examples() / "sandbox" / "seed.yaml")
        with running_sandbox(seed, listening=Listening(tick=0.2)) as sandbox:
            write_output(home / "reconciler.yaml", _CONFIG.format(url=sandbox.url))
            with _inside(home, {"TPP_TOKEN": sandbox.token}):
                _tour(sandbox.url)
    if keep is not None:
        _narrate(
            f"The demo's repository is in {home}; its server is gone, `reconciler ledger log` still reads the record."
        )
    return 0


def _tour(url: str) -> None:
    _narrate(
        f"A sandbox TPP is running at {url}, with approval tickets that wait for somebody.",
        "A folder of YAML files says what should become of them; in real life it is a git repository, and a pull",
        "request is the review. First the files are checked, without any server or credentials:",
    )
    _run("validate")
    _narrate("Now they are compared with the live tickets. A plan is handed a reader that cannot write:")
    _run("plan", "--out", "plan.json")
    _narrate("That saved plan is what a reviewer agreed to. Apply does exactly that and nothing else:")
    _run("apply", "plan.json", "--yes", "--quiet")
    SystemClock().sleep(0.5)  # TPP processes tickets meanwhile
    _narrate("TPP has gone on and deleted the approved tickets. A second plan proves from the ledger that all is done:")
    _run("plan", "--quiet")
    _narrate("What an auditor asks for: who decided what, when, and whether anybody touched the record since:")
    _run("ledger", "log")
    _run("ledger", "verify")
    _narrate(
        "What just happened: decisions in reviewed files became approvals in TPP, each written down before and after",
        "it was sent. Running it again would send nothing.",
        "Where to look next: README.md for a repository of your own, examples/ for manifests and configuration,",
        "`reconciler sandbox --help` for a server to play with, `reconciler init` to begin.",
    )


def _narrate(*lines: str) -> None:
    click.echo()
    for line in lines:
        click.echo(f"  {line}")
    click.echo()


def _run(*arguments: str) -> None:
    """Run one command as a user would, and show it."""
    from reconciler.cli.main import cli  # main names this module

    click.echo(f"$ reconciler {' '.join(arguments)}")
    sys.stdout.flush()
    code = cli.main(args=list(arguments), standalone_mode=False)
    if code:
        raise ReconcilerError(f"the demo's `reconciler {arguments[0]}` left with {code}", "please report it")


@contextmanager
def _inside(folder: Path, variables: dict[str, str]) -> Iterator[None]:
    """Work in a folder, with these variables and no other setting of the reconciler."""
    before, here = dict(os.environ), Path.cwd()
    for name in [name for name in os.environ if name.startswith(("TPP_", "RECONCILER_", "GITHUB_"))]:
        del os.environ[name]
    os.environ.update(variables)
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(here)
        os.environ.clear()
        os.environ.update(before)
