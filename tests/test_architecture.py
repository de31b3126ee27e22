"""The import table and the size budget of the house, as data."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "reconciler"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "_version.py")

EVERY_ROOM = {
    "model",
    "manifests",
    "planning",
    "tpp",
    "applying",
    "ledger",
    "rendering",
    "github",
    "sandbox",
    "cli",
}
SHARED = {"errors", "ports", "_version"}
MAY_IMPORT = {
    "model": set(),
    "planning": {"model"},
    "rendering": {"model"},
    "manifests": {"model", "yaml", "jsonschema", "dateutil"},
    "tpp": {"model", "requests", "urllib3", "keyring"},
    "github": {"model", "requests"},
    "ledger": {"model"},
    "applying": {"model", "planning"},
    "sandbox": {"model", "aiohttp", "jwt", "cryptography"},
    "cli": EVERY_ROOM | {"click", "rich"},
    "errors": {"model"},
    "ports": {"model"},
    "__init__": EVERY_ROOM,
    "__main__": {"cli"},
}
GUARDED = {
    "aiohttp",
    "click",
    "cryptography",
    "dateutil",
    "jsonschema",
    "jsonschema_rs",
    "jwt",
    "keyring",
    "requests",
    "rich",
    "ruamel",
    "urllib3",
    "yaml",
}
PURE_ROOMS = {"model", "planning", "rendering"}
EFFECTS = {
    "http",
    "os",
    "random",
    "secrets",
    "shutil",
    "signal",
    "socket",
    "sqlite3",
    "subprocess",
    "tempfile",
    "time",
    "urllib",
}
LONGEST_FILE = 260
LONGEST_FUNCTION = 45
BANNED_NAMES = {"utils", "util", "helpers", "helper", "manager", "common", "base", "misc"}


def _room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _imported_rooms(path: Path) -> Iterator[str]:
    for name in _imports(path):
        first, *rest = name.split(".")
        if first == PACKAGE.name and rest:
            yield rest[0]
        elif first in GUARDED:
            yield first


def _name(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_a_room_imports_only_what_the_table_allows(path: Path) -> None:
    room = _room(path)
    allowed = MAY_IMPORT[room] | SHARED | {room, "__version__"}
    assert set(_imported_rooms(path)) <= allowed


@pytest.mark.parametrize("path", [p for p in MODULES if _room(p) in PURE_ROOMS], ids=_name)
def test_a_pure_room_imports_nothing_that_has_effects(path: Path) -> None:
    assert not {name.split(".")[0] for name in _imports(path)} & EFFECTS


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_a_file_and_its_functions_have_one_job_each(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST_FILE
    assert path.stem not in BANNED_NAMES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= LONGEST_FUNCTION, f"{path}:{node.lineno}: {node.name} has {length} lines"


def test_there_is_no_dry_run_below_the_command_line() -> None:
    below = [path for path in MODULES if _room(path) != "cli"]
    assert not [path for path in below if "dry_run" in path.read_text(encoding="utf-8")]


def test_every_room_of_the_table_exists() -> None:
    assert {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"} == EVERY_ROOM
