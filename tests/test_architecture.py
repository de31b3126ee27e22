"""Who may import whom, and that there is one way for each job, as data."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "reconciler"

PACKAGES = {
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
SHARED = {"errors", "ports", "atomic", "_version", "__version__"}
MAY_IMPORT = {
    "model": {"msgspec"},
    "codec": {"model", "msgspec"},
    "planning": {"model", "codec"},
    "rendering": {"model", "codec", "jinja2"},
    "manifests": {"model", "codec", "yaml", "jsonschema", "jsonschema_rs", "dateutil"},
    "tpp": {"model", "codec", "requests", "keyring"},
    "changes": {"model", "codec", "requests"},
    "github": {"model", "codec", "requests"},
    "ledger": {"model", "codec"},
    "applying": {"model", "planning"},
    "app": (PACKAGES | {"codec"}) - {"cli", "rendering", "sandbox"},
    "sandbox": {"model", "codec", "msgspec", "aiohttp", "jwt", "cryptography"},
    "cli": PACKAGES | {"codec", "click", "rich", "prometheus_client"},
    "errors": {"model"},
    "ports": {"model"},
    "atomic": set(),
    "__init__": PACKAGES,
    "__main__": {"cli"},
}
LIBRARIES = {
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
    "prometheus_client",
    "requests",
    "rich",
    "ruamel",
    "urllib3",
    "yaml",
}
PURE = {"model", "planning", "rendering"}
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
NAMES_THAT_SAY_NOTHING = {"utils", "util", "helpers", "helper", "manager", "common", "base", "misc"}


_LOOKED_AT = (ast.Import, ast.ImportFrom, ast.Call)


@dataclass(frozen=True, slots=True)
class Module:
    """One file of the package, read once."""

    path: Path
    tree: ast.Module
    nodes: tuple[ast.AST, ...]

    @property
    def name(self) -> str:
        return str(self.path.relative_to(PACKAGE))

    @property
    def package(self) -> str:
        return self.path.relative_to(PACKAGE).parts[0].removesuffix(".py")

    @property
    def imports(self) -> tuple[str, ...]:
        return tuple(_imports(self))


def _imports(module: Module) -> Iterator[str]:
    for node in module.nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module.name}:{node.lineno}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _read(path: Path) -> Module:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return Module(path, tree, tuple(node for node in ast.walk(tree) if isinstance(node, _LOOKED_AT)))


@cache
def modules() -> tuple[Module, ...]:
    return tuple(_read(path) for path in sorted(PACKAGE.rglob("*.py")) if path.name != "_version.py")


def _names_of_packages(module: Module) -> Iterator[str]:
    for name in module.imports:
        first, *rest = name.split(".")
        if first == PACKAGE.name and rest:
            yield rest[0]
        elif first in LIBRARIES:
            yield first


def test_a_package_imports_only_what_the_table_allows() -> None:
    strangers = {
        module.name: set(_names_of_packages(module)) - MAY_IMPORT[module.package] - SHARED - {module.package}
        for module in modules()
    }
    assert {name: found for name, found in strangers.items() if found} == {}


def test_every_package_stands_in_the_table() -> None:
    assert {module.package for module in modules()} <= set(MAY_IMPORT)


def test_pure_packages_import_nothing_that_has_effects() -> None:
    pure = [module for module in modules() if module.package in PURE]
    effects = {module.name: {name.split(".")[0] for name in module.imports} & EFFECTS for module in pure}
    assert {name: found for name, found in effects.items() if found} == {}
    assert not [module.name for module in pure if "atomic" in _names_of_packages(module)]


def test_no_file_has_a_name_that_says_nothing() -> None:
    assert not [module.name for module in modules() if module.path.stem in NAMES_THAT_SAY_NOTHING]


def test_values_of_the_model_are_copied_in_one_way() -> None:
    """They are no dataclasses, which dataclasses.replace says only when it runs; no type check sees it."""
    others = [module for module in modules() if module.package != "sandbox" and module.path.stem != "value"]
    assert not [module.name for module in others if "dataclasses.replace" in set(module.imports)]


def test_there_is_no_dry_run_below_the_command_line() -> None:
    below = [module.path for module in modules() if module.package != "cli"]
    assert not [path for path in below if "dry_run" in path.read_text(encoding="utf-8")]


def test_what_a_server_sends_stops_in_its_package() -> None:
    readers = {
        (name.split(".")[1], module.package) for module in modules() for name in module.imports if ".wire" in name
    }
    assert {(home, package) for home, package in readers if home != package} == set()
    assert readers


def test_no_public_class_has_the_name_of_another() -> None:
    homes: dict[str, list[str]] = {}
    for module in modules():
        for node in module.tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes.setdefault(node.name, []).append(module.name)
    assert {name: found for name, found in homes.items() if len(found) > 1} == {}


ONE_HOME = {
    "json": {"codec.py"},
    "yaml": {"manifests/yaml.py", "manifests/syntax.py"},
    "jsonschema_rs": {"manifests/schema.py"},
    "jsonschema": {"manifests/schema_words.py"},
    "requests": {
        *("tpp/transport.py", "tpp/checks.py"),
        "changes/client.py",
        *("github/client.py", "github/oidc.py"),
    },
}
"""One JSON, one YAML reader (and the words for its faults), one validator (and the words for its), and one client for
TPP, one for change records and one for GitHub, with what names their proxies, credentials and tokens."""


@pytest.mark.parametrize("library", ONE_HOME)
def test_a_library_for_one_job_is_used_in_one_place(library: str) -> None:
    users = {module.name for module in modules() for name in module.imports if name.split(".")[0] == library}
    assert users == ONE_HOME[library]


def _own_imports() -> dict[str, set[str]]:
    """Return which files of ours each file imports, when it is loaded."""
    names = {module.name.removesuffix(".py").replace("/", "."): module.name for module in modules()}
    found: dict[str, set[str]] = {module.name: set() for module in modules()}
    for module in modules():
        for node in module.tree.body:
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == PACKAGE.name:
                inner = node.module.removeprefix(PACKAGE.name).removeprefix(".")
                dotted = {inner} | {f"{inner}.{alias.name}".removeprefix(".") for alias in node.names}
                found[module.name] |= {names[name] for name in dotted if name in names}
    return found


def test_no_import_goes_in_a_circle() -> None:
    left = _own_imports()
    while leaves := {name for name, needed in left.items() if not needed & left.keys()}:
        left = {name: needed for name, needed in left.items() if name not in leaves}
    assert left == {}


WRITES_FILES = {
    "atomic.py": "the one writer",
    "app/base_branch.py": "the base's configuration, in a temporary folder of its own",
    "github/actions.py": "adds to the files that GitHub Actions names",
    "ledger/archive.py": "reads",
    "ledger/journal.py": "adds to the ledger",
    "ledger/lock.py": "the ledger's lock",
    "ledger/zip_file.py": "members of a zip in a temporary file, which the one writer puts in its place",
    "manifests/text.py": "reads",
    "tpp/token_store.py": "the lock beside a stored token",
    "cli/process.py": "/dev/null in place of a closed stream",
}


def _writes(call: ast.Call) -> bool:
    """Whether a call may write, move or make a file by another way than the one writer."""
    if ast.unparse(call.func) in ("os.open", "os.replace", "os.rename", "os.link", "os.symlink", "shutil.move"):
        return True
    if not isinstance(call.func, ast.Attribute | ast.Name):
        return False
    name = call.func.attr if isinstance(call.func, ast.Attribute) else call.func.id
    modes = [arg.value for arg in call.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
    modes += [word.value.value for word in call.keywords if word.arg == "mode" and isinstance(word.value, ast.Constant)]
    opens = name == "open" and any(set(mode) & set("wax+") and set(mode) <= set("rwaxbt+") for mode in modes)
    return opens or name in ("write_text", "write_bytes", "touch", "symlink_to", "hardlink_to", "rename", "copyfile")


def test_one_atomic_writer() -> None:
    found = {
        module.name for module in modules() for node in module.nodes if isinstance(node, ast.Call) and _writes(node)
    }
    assert found == set(WRITES_FILES)
