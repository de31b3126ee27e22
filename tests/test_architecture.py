"""Who may import whom, as data."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "reconciler"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "_version.py")

EVERY_ROOM = {
    "app",
    "changes",
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
_USE_CASES = EVERY_ROOM - {"app", "cli", "rendering", "sandbox"}
MAY_IMPORT = {
    "model": {"msgspec"},
    "codec": {"model", "msgspec"},
    "planning": {"model", "codec"},
    "rendering": {"model", "codec", "jinja2"},
    "manifests": {"model", "codec", "yaml", "jsonschema", "jsonschema_rs", "dateutil"},
    "tpp": {"model", "codec", "requests", "urllib3", "keyring"},
    "changes": {"model", "codec", "requests"},
    "github": {"model", "codec", "requests"},
    "ledger": {"model", "codec"},
    "applying": {"model", "planning"},
    "app": _USE_CASES | {"codec"},
    "sandbox": {"model", "codec", "aiohttp", "jwt", "cryptography"},
    "cli": EVERY_ROOM | {"codec", "click", "rich"},
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
    "jinja2",
    "jsonschema",
    "jsonschema_rs",
    "jwt",
    "keyring",
    "msgspec",
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


def test_no_file_has_a_name_that_says_nothing() -> None:
    assert not [_name(path) for path in MODULES if path.stem in BANNED_NAMES]


def test_there_is_no_dry_run_below_the_command_line() -> None:
    below = [path for path in MODULES if _room(path) != "cli"]
    assert not [path for path in below if "dry_run" in path.read_text(encoding="utf-8")]


def test_every_room_stands_in_the_table() -> None:
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert rooms <= EVERY_ROOM
