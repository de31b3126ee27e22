"""Shells complete commands, options and their values, without loading what is not asked for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from reconciler.cli.main import COMMANDS, cli
from reconciler.cli.output import PLAN_FORMATS

PROGRAM = Path(sys.executable).parent / "reconciler"


def _offered(*words: str, incomplete: str) -> list[str]:
    shell = ShellComplete(cli, {}, "reconciler", "_RECONCILER_COMPLETE")
    return [item.value for item in shell.get_completions(list(words), incomplete)]


def test_every_command_is_offered_in_the_order_of_the_help() -> None:
    assert _offered(incomplete="") == list(COMMANDS)
    assert _offered(incomplete="pl") == ["plan"]


def test_commands_inside_a_command_are_offered() -> None:
    assert _offered("ledger", incomplete="v") == ["verify"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_offers_its_options(command: str) -> None:
    assert "--help" in _offered(command, incomplete="--")


def test_values_that_are_known_are_offered() -> None:
    assert _offered("plan", "--format", incomplete="") == [*PLAN_FORMATS, "patch"]
    assert _offered("plan", "--format", incomplete="p") == ["patch"]


def test_options_of_the_program_are_offered() -> None:
    assert _offered(incomplete="--v") == ["--version"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script_and_answers(shell: str) -> None:
    def said(**variables: str) -> str:
        environ = dict(os.environ) | variables
        return subprocess.run([PROGRAM], env=environ, capture_output=True, text=True, check=True).stdout

    assert f"{shell}_complete" in said(_RECONCILER_COMPLETE=f"{shell}_source")
    words, word = ("reconciler pla", "1") if shell != "fish" else ("reconciler pla", "pla")
    answer = said(_RECONCILER_COMPLETE=f"{shell}_complete", COMP_WORDS=words, COMP_CWORD=word)
    assert "plan" in answer.replace(",", "\n").split()


def test_bash_understands_its_script_and_completes_with_it() -> None:
    script = (
        f'export PATH="{PROGRAM.parent}:$PATH"; eval "$(_RECONCILER_COMPLETE=bash_source reconciler)"; '
        "COMP_WORDS=(reconciler explain --form); COMP_CWORD=2; "
        '_reconciler_completion reconciler; echo "${COMPREPLY[@]}"'
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "--format\n"
