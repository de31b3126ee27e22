"""The documentation builds without a warning, needs no network, and its generated pages say what their sources say."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.generating import commands, exit_codes, performance, verdicts
from docs.generating.pages import PAGES
from reconciler.cli.exit_codes import MEANING, Exit
from reconciler.cli.main import COMMANDS
from reconciler.model.verdict import Reason
from tests.docs.pages import ROOT

_LOADS = re.compile(r"""<(?:script|link|img|iframe)[^>]*?(?:src|href)=["']?(https?://[^"'\s>]+)""")
_NOT_LOADED = re.compile(r'rel=["\']?(?:canonical|next|prev)')


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("NO_MKDOCS_2_WARNING", "1")
        patched.chdir(ROOT)
        yield _build(tmp_path_factory.mktemp("site"))


def _build(folder: Path) -> Path:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    assert "WARNING" not in built.stderr
    return folder


@pytest.mark.slow
def test_the_documentation_builds_without_a_warning(site: Path) -> None:
    assert (site / "index.html").is_file()
    assert all((site / path).with_suffix("").joinpath("index.html").is_file() for path in PAGES)


@pytest.mark.slow
def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    loaded = [
        f"{page.relative_to(site)}: {match[1]}"
        for page in site.rglob("*.html")
        for match in _LOADS.finditer(page.read_text(encoding="utf-8"))
        if not _NOT_LOADED.search(match[0])
    ]
    assert loaded == []


@pytest.mark.slow
def test_no_tool_of_the_documentation_is_published(site: Path) -> None:
    assert [path.name for path in site.rglob("*.py")] == []


@pytest.mark.parametrize("path", PAGES)
def test_every_generated_page_has_a_title_and_no_empty_table(path: str) -> None:
    text = PAGES[path]()
    assert text.startswith("# ")
    assert not re.search(r"^\|(?:--\|)+\n(?!\|)", text, re.MULTILINE)


def test_every_command_is_in_the_reference() -> None:
    text = commands.page()
    assert [name for name in COMMANDS if f"## reconciler {name}\n" not in text] == []


def test_every_reason_code_is_in_the_reference() -> None:
    text = verdicts.page()
    assert [reason for reason in Reason if f"`{reason}`" not in text] == []


def test_every_exit_code_is_in_the_reference_and_in_the_readme() -> None:
    page, readme = exit_codes.page(), (ROOT / "README.md").read_text(encoding="utf-8")
    assert [code for code in Exit if f"| `{int(code)}` | {MEANING[code]} |" not in page] == []
    plain = [code for code in Exit if code not in (Exit.INTERRUPTED, Exit.TERMINATED)]
    assert [code for code in plain if f"| {int(code)} | {MEANING[code]} |" not in readme] == []
    assert "| 130 / 143 | interrupted / terminated, ledger complete |" in readme


def test_the_page_of_measurements_claims_nothing_that_was_not_measured(tmp_path: Path) -> None:
    nothing = performance.page(tmp_path / "absent.json", tmp_path / "absent.json")
    assert "Nothing has been compared" in nothing
    assert "has not been measured" in nothing
    assert not re.search(r"\d", nothing)


def test_the_page_of_measurements_shows_how_cost_grows(tmp_path: Path) -> None:
    machine = {"on": "2026-11-27", "python": "3.11.7", "cores": 2, "load_before": 1.5, "command": "python -m growth"}
    ledgers = {"none": {"pack": {"wall": 1.0, "cpu": 0.54, "peak": 52.4}}, "1,000": {"new": {"cpu": 2.0, "peak": 60.0}}}
    growth = tmp_path / "growth.json"
    growth.write_text(json.dumps({"machine": machine, "ledgers": ledgers}), encoding="utf-8")
    text = performance.page(tmp_path / "absent.json", growth)
    assert "Measured on 2026-11-27 with Python 3.11.7 on 2 cores, load average 1.5 before" in text
    assert "| Subject | What it is | none | 1,000 |" in text
    assert "| pack | `ledger export --pack` | 0.5 s, 52 MiB |  |" in text
    assert "| new |  |  | 2.0 s, 60 MiB |" in text


def test_the_page_of_measurements_shows_what_was_measured_and_what_was_missed(tmp_path: Path) -> None:
    ratio = {"name": "plan | twice", "value": 1.234, "target": 1.1, "at_most": True, "met": False, "detail": "a / b"}
    figure = {"wall": 1.5, "cpu": 1.25, "peak": 61.4, "least": 1.0, "most": 2.0, "rounds": 5}
    machine = {"python": "3.11.7", "machine": "x86_64", "system": "Linux"}
    document = {"machine": machine, "ratios": [ratio], "figures": {"validate": figure}}
    results = tmp_path / "results.json"
    results.write_text(json.dumps(document), encoding="utf-8")
    text = performance.page(results, tmp_path / "absent.json")
    assert "| plan \\| twice | 1.23 | at most 1.1 | **no** | a / b |" in text
    assert "| validate | 1.500 | 1.000 | 2.000 | 1.250 | 61 | 5 |" in text
