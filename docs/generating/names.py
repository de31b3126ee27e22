"""The public names of the library: what a program may import and rely on from release to release."""

import dataclasses
import enum
import importlib
import inspect
import re
from collections.abc import Iterator
from typing import Any, NamedTuple, get_args

from docs.generating.text import cell, table

_MODEL = (
    "decision",
    "guid",
    "plan",
    "policy",
    "receipt",
    "record",
    "review",
    "settings",
    "status",
    "ticket",
    "verdict",
)
_FUNCTIONS = {
    "Load": {
        "reconciler.manifests.load": ("load_desired", "check"),
        "reconciler.manifests.config": ("load_settings",),
    },
    "Plan": {
        "reconciler.planning.judge": ("judge", "judge_closed", "needs_reading"),
        "reconciler.planning.planner": ("Header", "assemble", "enforce_again"),
        "reconciler.planning.guards": ("Circumstances",),
        "reconciler.ledger.plan_files": ("save_plan", "load_plan"),
    },
    "Apply": {
        "reconciler.applying.engine": ("apply_plan",),
        "reconciler.applying.tools": ("Tools",),
        "reconciler.applying.brake": ("Brake",),
        "reconciler.ledger.journal": ("open_journal",),
        "reconciler.ledger.memory": ("LedgerMemory",),
        "reconciler.ledger.chain": ("verify",),
        "reconciler.ledger.lock": ("hold_lock", "this_process"),
    },
    "Speak to TPP": {
        "reconciler.tpp.session": ("open_session", "ticket_reader"),
        "reconciler.tpp.writing": ("ticket_writer",),
    },
    "Try out": {
        "reconciler.sandbox.running": ("running_sandbox", "Sandbox", "Listening"),
        "reconciler.sandbox.seed": ("Seed", "TicketSeed"),
    },
    "Formats": {
        "reconciler.model.plan_codec": ("encode_plan", "decode_plan"),
        "reconciler.model.run_codec": ("encode_run", "decode_run"),
    },
}


class Name(NamedTuple):
    """One public name: where it is, and what it is."""

    module: str
    name: str
    value: Any

    @property
    def signature(self) -> str:
        """What a caller writes: parameters, fields or members."""
        return f"{self.module}.{self.name}{_shape(self.value)}"


def sections() -> Iterator[tuple[str, list[Name]]]:
    """Return all public names by section, in the order of the pipeline, then ports, errors and nouns."""
    for title, modules in _FUNCTIONS.items():
        yield title, [_name(module, name) for module, names in modules.items() for name in names]
    yield "Ports", list(_defined("reconciler.ports"))
    yield "Errors", list(_defined("reconciler.errors"))
    yield "Nouns", [name for module in _MODEL for name in _defined(f"reconciler.model.{module}")]


def page() -> str:
    """Return the page of the public names."""
    parts = [_INTRODUCTION]
    for title, names in sections():
        parts.append(f"## {title}\n")
        parts += [_entry(name) for name in names]
    return "\n".join(parts)


_INTRODUCTION = """# Public names

`reconciler` is also a library. These names keep their meaning within a major version; everything else may change at any
time. Values are frozen, instants are aware and in UTC, GUIDs are in lower case without braces,
durations are seconds. How the pieces fit is shown in [Using it as a library](../guides/library.md).
"""


def _entry(name: Name) -> str:
    parts = [f"### `{name.name}`\n", f"`{name.module}`\n", _paragraphs(inspect.getdoc(name.value) or "")]
    if _has_text(name.value):
        parts.insert(2, f"```text\n{name.name}{_shape(name.value)}\n```\n")
    if isinstance(name.value, enum.EnumMeta):
        rows = [(f"`{member.name}`", f"`{member.value}`") for member in name.value]
        parts.append(table(("Member", "Value"), rows))
    return "\n".join(parts)


def _paragraphs(text: str) -> str:
    return "\n\n".join(cell(paragraph) for paragraph in text.split("\n\n")) + "\n"


def _has_text(value: object) -> bool:
    return not isinstance(value, enum.EnumMeta) and bool(_shape(value))


def _shape(value: Any) -> str:  # noqa: ANN401 - any public value
    if isinstance(value, enum.EnumMeta):
        return f"({', '.join(str(member.value) for member in value)})"
    if dataclasses.is_dataclass(value):
        return f"({', '.join(_field(field) for field in dataclasses.fields(value))})"
    if getattr(value, "_is_protocol", False):
        methods = [name for name in vars(value) if not name.startswith("_")]
        return "".join(f" .{name}{_parameters(getattr(value, name))}" for name in sorted(methods))
    if inspect.isfunction(value) or (inspect.isclass(value) and "__init__" in vars(value)):
        return _parameters(value)
    if get_args(value):
        return f" = {_plain(str(value))}"
    return ""


def _field(field: "dataclasses.Field[Any]") -> str:
    optional = field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
    kind = field.type if isinstance(field.type, str) else inspect.formatannotation(field.type)
    return f"{field.name}: {_plain(kind)}{' = …' if optional else ''}"


def _parameters(value: Any) -> str:  # noqa: ANN401 - a function or class
    signature = inspect.signature(value)
    shown = [
        parameter.replace(default="…") if parameter.default is not inspect.Parameter.empty else parameter
        for parameter in signature.parameters.values()
    ]
    return _plain(str(signature.replace(parameters=shown))).replace("'…'", "…")


def _plain(text: str) -> str:
    """Leave the last part of each dotted name: where a noun is, its own entry says."""
    return re.sub(r"\b(?:[a-z_]+\.)+(?=[A-Za-z])", "", text).replace("typing.", "")


def _defined(module: str) -> Iterator[Name]:
    tree = importlib.import_module(module)
    for name, value in vars(tree).items():
        own = getattr(value, "__module__", module) == module
        union = bool(get_args(value)) and name[0].isupper() and not name.isupper()
        if not name.startswith("_") and ((own and (inspect.isclass(value) or inspect.isfunction(value))) or union):
            yield Name(module, name, value)


def _name(module: str, name: str) -> Name:
    return Name(module, name, getattr(importlib.import_module(module), name))
