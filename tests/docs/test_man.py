"""Each command has a man page that says what its help says."""

import subprocess
import sys
from pathlib import Path

import click
import pytest

from reconciler.cli.main import cli
from tests.docs.pages import ROOT

pytest.importorskip("click_man")


def _paths(command: click.Command, name: str) -> list[str]:
    if not isinstance(command, click.Group):
        return [name]
    context = click.Context(command)
    inner = ((each, command.get_command(context, each)) for each in command.list_commands(context))
    return [name, *(path for each, found in inner if found for path in _paths(found, f"{name}-{each}"))]


def test_every_command_has_a_page(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "docs.generating.man", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    assert sorted(path.stem for path in tmp_path.iterdir()) == sorted(_paths(cli, "reconciler"))
    plan = (tmp_path / "reconciler-plan.1").read_text(encoding="utf-8")
    assert "Plan only entries that changed since this git revision." in plan
    assert r"\eVED\ePolicy" in plan
