"""The entry point: a table of commands that are imported only when they are called, and the one catcher of errors."""

import atexit
import difflib
import faulthandler
import gc
import importlib
import logging
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NoReturn

import click
from click.shell_completion import CompletionItem

from reconciler.cli.process import Ending, Signals, guard_streams, handled_signals, take_fault
from reconciler.errors import InvalidInput, ReconcilerError
from reconciler.rendering.escape import terminal

COMMANDS = {
    "validate": "Check manifests and configuration, offline.",
    "plan": "Show what an apply would do, without being able to do it.",
    "apply": "Apply a reviewed plan, or plan and apply manifests.",
    "show": "Show a saved plan or the report of a run.",
    "list": "List the tickets that wait, with what is decided of them.",
    "decide": "Write a decision into the manifests. Nothing is sent.",
    "explain": "Tell everything that is known about one ticket.",
    "import": "Write manifests for tickets that no manifest names yet.",
    "tidy": "Move decisions that the ledger proves settled to the history.",
    "fmt": "Put manifests in canonical order, comments kept.",
    "ledger": "Read, verify and export the record of what was applied.",
    "report": "Write a static site about decisions, windows and the ledger.",
    "windows": "Preview the named windows of the configuration.",
    "change": "Show one change record as the policy sees it.",
    "doctor": "Check everything that a run depends on.",
    "auth": "Log in, verify or revoke a grant.",
    "github": "Comments, issues, provenance and the ledger branch in GitHub Actions.",
    "sandbox": "Run a local test server that behaves like TPP.",
    "demo": "Run the main job against the sandbox and say what happens.",
    "init": "Set up a repository of manifests.",
    "schema": "Print a JSON Schema.",
    "version": "Print the version.",
}
_MACHINE, _CHANGES = 4, 10
_NO_THREAD = "can't start new thread"
_MODULES = {"import": "import_tickets"}


class LazyCommands(click.Group):
    """A group that knows its commands by name and imports one only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Name the commands in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import the module of one command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"reconciler.cli.{_MODULES.get(cmd_name, cmd_name)}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, and name those that are spelled alike when there is none."""
        name = args[0]
        alike = difflib.get_close_matches(name, COMMANDS, n=3, cutoff=0.6)
        if name not in COMMANDS and not name.startswith("-") and alike:
            ctx.fail(f"No such command {name!r}. Did you mean {' or '.join(map(repr, alike))}?")
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete the names of commands from the table, importing none."""
        found = [
            CompletionItem(name, help=summary) for name, summary in COMMANDS.items() if name.startswith(incomplete)
        ]
        return found + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """List the commands from the table, importing none."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _print_version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        from reconciler.app.version import version

        click.echo(f"reconciler {version()}")
        ctx.exit()


_COMPLETION = (
    'Completion: eval "$(_RECONCILER_COMPLETE=bash_source reconciler)" in ~/.bashrc, the same with zsh_source in '
    "~/.zshrc; in fish, _RECONCILER_COMPLETE=fish_source reconciler | source."
)


@click.group(cls=LazyCommands, context_settings={"help_option_names": ["-h", "--help"]}, epilog=_COMPLETION)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Print the version."
)
@click.option(
    "-C", "folder", type=click.Path(exists=True, file_okay=False), help="Work in this folder, as if started there."
)
def cli(folder: str | None) -> None:
    """Decide TPP approval tickets from reviewed files in git.

    TPP is Palo Alto Networks Trust Protection Foundation, before that CyberArk Certificate Manager, Self-Hosted, and
    before that Venafi Trust Protection Platform.

    Exit codes: 0 done · 1 invalid input · 2 usage · 3 refused by a guard · 4 server, network, credentials ·
    5 needs attention · 6 unknown outcome · 7 may be repeated · 8 locked · 10 changes pending · 70 bug ·
    130/143 interrupted.
    """
    if folder is not None:
        os.chdir(folder)


Failed = Callable[[ReconcilerError], None]


def main(arguments: Sequence[str] | None = None, failed: Failed | None = None) -> NoReturn:
    """Run the command line and leave the process with the code of the table in exit_codes.py.

    `failed` is told the error that ended it, if one did, a bug and a wrong command line too.
    """
    with handled_signals() as signals:
        guard_streams()
        _show_stacks_when_asked()
        collect_seldom()
        ending = Ending()
        code = _run(None if arguments is None else list(arguments), signals, ending, failed)
        fault = take_fault()
        if fault is not None:
            why = f"standard output could not be written: {fault.strerror}; part of it is missing"
            click.echo(f"error: {why}", err=True)
            code = _MACHINE if code in (0, _CHANGES) else code
        ending.run(code)
        sys.exit(code)


def _run(arguments: list[str] | None, signals: Signals, ending: Ending, failed: Failed | None = None) -> int:
    try:
        result = cli.main(args=arguments, standalone_mode=False, obj=ending)
    except (click.exceptions.Abort, KeyboardInterrupt):
        return signals.code
    except click.ClickException as error:
        error.show()
        code, failure = error.exit_code, ReconcilerError(error.format_message())
    except ReconcilerError as error:
        code, failure = _report(error), error
    except Exception as error:  # noqa: BLE001 - the last line of defence: a bug is told, never dumped
        code, failure = _report_unexpected(error)
    else:
        return result if isinstance(result, int) else 0
    if failed is not None:
        failed(failure)
    return code


def _show_stacks_when_asked() -> None:
    """Print where all threads are, places without values, when SIGUSR1 comes: `kill -USR1` tells why nothing moves."""
    with suppress(AttributeError, ValueError, OSError, RuntimeError):  # no such signal, or no standard error
        faulthandler.register(signal.SIGUSR1, all_threads=True)


def collect_seldom() -> None:
    """Search for garbage seldom: what commands load stays in use until they end, and then all of it ends at once."""
    gc.set_threshold(500_000, 20, 20)
    atexit.unregister(gc.freeze)
    atexit.register(gc.freeze)


def _report(error: ReconcilerError) -> int:
    from reconciler.cli.exit_codes import of_error  # imports plans and receipts, which --version has no use for

    if isinstance(error, InvalidInput):
        from reconciler.rendering.problems import problems_text

        click.echo(problems_text(error.problems), err=True, nl=False)
    else:
        click.echo(f"error: {terminal(error.message)}", err=True)
        for number, line in enumerate(error.hint.splitlines()):
            click.echo(f"{'        ' if number else '  help: '}{terminal(line)}", err=True)
    return int(of_error(error))


def _report_unexpected(error: Exception) -> tuple[int, ReconcilerError]:
    """Distinguish what this machine can't do from a bug. What was sent until then is in the ledger."""
    machine = isinstance(error, OSError | MemoryError) or (isinstance(error, RuntimeError) and _NO_THREAD in str(error))
    failure = _of_machine(error) if machine else _of_bug(error)
    _report(failure)
    _log_traceback(error, logging.DEBUG if machine else logging.ERROR)
    return (_MACHINE if machine else 70), failure


def _of_machine(error: Exception) -> ReconcilerError:
    why = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or type(error).__name__
    where = f"{error.filename}: " if isinstance(error, OSError) and error.filename else ""
    return ReconcilerError(
        f"this machine does not let it go on: {where}{why}",
        "look at the limits on files, threads, memory and disk (ulimit -a, df)",
    )


def _of_bug(error: Exception) -> ReconcilerError:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return ReconcilerError(
        f"this is a bug in the reconciler: {type(error).__name__} in {frame.name}",
        "report it with the lines below; the ledger is complete",
    )


def _log_traceback(error: Exception, level: int) -> None:
    """Log where it happened: places and lines of code, no values."""
    for lines in traceback.format_tb(error.__traceback__):
        for line in lines.rstrip().splitlines():
            logging.getLogger("reconciler.cli").log(level, line)
