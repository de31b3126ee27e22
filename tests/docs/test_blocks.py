"""What stands in fenced blocks is real: files validate, languages are known, and nothing to type is left untested."""

import json
import re
from pathlib import Path

import pytest
import yaml

from docs.generating.pages import PAGES as GENERATED
from reconciler.manifests import schema
from tests.docs.pages import PAGES, ROOT, Block, blocks, name

BLOCKS = [block for page in PAGES for block in blocks(page)]
SHOWN_ONLY = {"text", "http", "powershell", "markdown", "diff"}
TYPED_ELSEWHERE = (
    r"make (help|demo|test|setup|docs|docs-serve|outputs|pictures|dist|format|bench|sbom|mutate|schemas)\b.*",
    r"make (test-(all|release|minimum)|pytest-(portable|slow))\b.*",
    r"python3 -m pip download .*requirements\.txt",
    r"python3 -m venv \S+",
    r"\S*python -m pip install (--no-index|--quiet|--require-hashes|-).*",
    r"git clone .*|cd \S+",
    r"(pip|pipx) install .*|uvx --from \S+ reconciler .*|podman (build|push|run) .*",
    r"([A-Z_]+=1 )?\.venv/bin/(pytest|reconciler) .*",
    r"pipx run pre-commit install",
    r"reconciler init --github \S+ >setup\.sh|GITHUB_TOKEN=\$\(gh auth token\) reconciler github doctor",
    r"reconciler (apply|plan) .*--(metrics|pushgateway) \S+",  # tests/docs/test_monitoring.py
    r"(TPP_SECOND_TOKEN=… )?reconciler (decide|apply) .*--emergency INC\d+",  # tests/cli/test_emergency.py
    r"reconciler github (stop '[^']+'|start)",
)


def _id(block: Block) -> str:
    return block.place


@pytest.mark.parametrize("block", BLOCKS, ids=_id)
def test_a_block_has_a_language_that_a_test_knows(block: Block) -> None:
    assert block.language in {"console", "sh", "yaml", "json", "python", "toml", *SHOWN_ONLY}


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language == "sh"], ids=_id)
def test_what_only_a_shell_can_do_is_a_make_target_or_an_installation(block: Block) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for line in block.body.splitlines():
        command = line.partition("  #")[0].strip()
        if not command or command.startswith("#"):
            continue
        assert any(re.fullmatch(known, command) for known in TYPED_ELSEWHERE), f"nothing tests: {command}"
        if command.startswith("make "):
            assert command.split()[1] in targets


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language in {"yaml", "json"}], ids=_id)
def test_yaml_and_json_can_be_read(block: Block) -> None:
    assert (json.loads if block.language == "json" else yaml.safe_load)(block.body) is not None


def test_the_readme_has_the_two_commands_before_anything_else_to_type() -> None:
    first = next(blocks(ROOT / "README.md"))
    assert [line.split("  #")[0].strip() for line in first.body.splitlines()] == ["make demo", "make test"]


def test_opinions_are_at_most_ten() -> None:
    assert len(re.findall(r"^\d+\. ", (ROOT / "OPINIONS.md").read_text(encoding="utf-8"), re.MULTILINE)) <= 10


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent.name == "adr"], ids=name)
def test_a_recorded_decision_fits_a_page_and_names_what_else_was_possible(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 70
    assert page.name == "index.md" or "## Alternatives considered" in text
    index = (ROOT / "docs/adr/index.md").read_text(encoding="utf-8")
    assert page.name == "index.md" or f"]({page.name})" in index


def test_every_schema_has_a_page() -> None:
    shown = "".join(write() for path, write in GENERATED.items() if path.startswith("reference/"))
    assert [each for each in schema.names() if f"`reconciler schema {each}`" not in shown] == []
