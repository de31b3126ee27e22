"""The public names of the library: what a program may import and rely on, as it stands in the source."""

import ast
import copy
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import reconciler
from docs.generating.text import cell

_ROOT = Path(__file__).parent.parent.parent


class Name(NamedTuple):
    """One public name: where it is defined, and how."""

    module: str
    name: str
    node: ast.stmt

    @property
    def signature(self) -> str:
        """What a caller writes: parameters, fields, members or methods."""
        return f"{self.module}.{self.name}{_shape(self.node)}"

    @property
    def says(self) -> str:
        """The docstring, empty for an alias without one."""
        if isinstance(self.node, ast.FunctionDef | ast.ClassDef):
            return ast.get_docstring(self.node) or ""
        return _text_after(self.module, self.node)


def sections() -> Iterator[tuple[str, list[Name]]]:
    """Return all public names by section: first what is done, then with what values, then what can go wrong."""
    found = [_defined(module)[name] for module, names in reconciler.HOMES.items() for name in names]
    errors = [name for name in found if name.module == "reconciler.errors"]
    functions = [name for name in found if isinstance(name.node, ast.FunctionDef)]
    yield "Functions", functions
    yield "Values", [name for name in found if name not in errors and name not in functions]
    yield "Errors", errors


def page() -> str:
    """Return the page of the public names."""
    parts = [_INTRODUCTION]
    for title, names in sections():
        parts.append(f"## {title}\n")
        parts += [_entry(name) for name in names]
    return "\n".join(parts)


_INTRODUCTION = """# Public names

`reconciler` is also a library: `from reconciler import plan`. These names keep their meaning within a major version;
everything else may change at any time. Values are frozen, instants are aware and in UTC, GUIDs are in lower case
without braces, durations are seconds. How the pieces fit is shown in [Using it as a library](../guides/library.md).
"""


def _entry(name: Name) -> str:
    shown = f"```text\n{name.name}{_shape(name.node)}\n```\n" if _shape(name.node) else ""
    text = "\n\n".join(cell(paragraph) for paragraph in name.says.split("\n\n"))
    return "\n".join([f"### `{name.name}`\n", shown, text, ""])


@cache
def _tree(module: str) -> ast.Module:
    path = _ROOT.joinpath(*module.split(".")).with_suffix(".py")
    return ast.parse(path.read_text(encoding="utf-8"))


def _defined(module: str) -> dict[str, Name]:
    found = {}
    for node in _tree(module).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            name = node.name
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
        else:
            continue
        if not name.startswith("_") and (not isinstance(node, ast.Assign) or not name.isupper()):
            found[name] = Name(module, name, node)
    return found


def _text_after(module: str, node: ast.stmt) -> str:
    body = _tree(module).body
    following = body[body.index(node) + 1 :][:1]
    match following:
        case [ast.Expr(ast.Constant(str(text)))]:
            return text
        case _:
            return ""


def _shape(node: ast.stmt) -> str:
    match node:
        case ast.FunctionDef():
            return _parameters(node)
        case ast.Assign():
            return f" = {ast.unparse(node.value)}"
        case ast.ClassDef(bases=[ast.Name("Protocol")]):
            methods = [each for each in node.body if isinstance(each, ast.FunctionDef)]
            return "".join(f" .{each.name}{_parameters(each)}" for each in methods)
        case ast.ClassDef(bases=[ast.Name("StrEnum" | "Enum" | "Flag"), *_]):
            members = [each.value for each in node.body if isinstance(each, ast.Assign)]
            return f"({', '.join(ast.literal_eval(each) for each in members if isinstance(each, ast.Constant))})"
        case ast.ClassDef():
            return _fields(node)
        case _:
            return ""


def _fields(node: ast.ClassDef) -> str:
    made = [each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"]
    if made:
        return _parameters(made[0])
    fields = [each for each in node.body if isinstance(each, ast.AnnAssign)]
    shown = [
        f"{ast.unparse(each.target)}: {ast.unparse(each.annotation)}{' = …' if _is_optional(each.value) else ''}"
        for each in fields
        if not ast.unparse(each.target).startswith("_")
    ]
    return f"({', '.join(shown)})" if shown else ""


def _is_optional(value: ast.expr | None) -> bool:
    match value:
        case ast.Call(ast.Name("field"), [], keywords):
            return any(keyword.arg in {"default", "default_factory"} for keyword in keywords)
        case _:
            return value is not None


def _parameters(node: ast.FunctionDef) -> str:
    shown = copy.deepcopy(node.args)
    shown.args = [each for each in shown.args if each.arg != "self"]
    omitted = ast.Name("…")
    shown.defaults = [omitted for _ in shown.defaults]
    shown.kw_defaults = [omitted if each is not None else None for each in shown.kw_defaults]
    returned = f" -> {ast.unparse(node.returns)}" if node.returns and node.name != "__init__" else ""
    return f"({ast.unparse(shown)}){returned}".replace("'", "").replace("=…", " = …").replace("  = …", " = …")
