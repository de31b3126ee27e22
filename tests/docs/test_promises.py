"""Each sentence, item and row of the pages about trust has a test that fails when it is not true (promises.toml)."""

import ast
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import pytest

from tests.docs.pages import ROOT

BEHIND: Mapping[str, Mapping[str, str | list[str]]] = tomllib.loads(
    (ROOT / "tests/docs/promises.toml").read_text(encoding="utf-8")
)
NOTHING, SHOWN = "says nothing of its own", "shown"
_FENCED = re.compile(r"^( *)```.*?^\1```$", re.DOTALL | re.MULTILINE)
_COMMENT = re.compile(r"<!--.*?-->\n*", re.DOTALL)
_CONSOLE = "(shown)"
_ITEM = re.compile(r"^ *(?:-|\d+\.) ", re.MULTILINE)
_LEAD = re.compile(r"\*\*[^*]+\.\*\* (?=.)")
_END = re.compile(r"(?<=[.!?])[*)]* (?=[A-Z`\[(*'])")
_COLUMN = re.compile(r"`([\w/]+\.py)` `(\w+)`")


@dataclass(frozen=True)
class Statement:
    """What can be true or false by itself: a sentence, or a row of a table."""

    text: str
    named: tuple[str, ...] = ()
    """The tests that the row itself names."""
    is_shown: bool = False
    """A command with its output follows, which tests/docs/test_commands.py types."""


def statements(text: str) -> Iterator[Statement]:
    """Yield what a page states, in its order; headings and what is typed are left out."""
    text = _COMMENT.sub("", _FENCED.sub(_CONSOLE, text))
    parts = [part.strip() for part in re.split(r"\n{2,}", text) if part.strip() and not part.startswith("#")]
    for part, after in zip(parts, [*parts[1:], ""], strict=True):
        if part.startswith("|"):
            yield from _rows(part.splitlines())
        elif part != _CONSOLE:
            for sentence in (sentence for item in _ITEM.split(part) for sentence in _sentences(item)):
                yield Statement(sentence, is_shown=after == _CONSOLE)


def _rows(lines: list[str]) -> Iterator[Statement]:
    tried = [cell.strip() for cell in lines[0].split("|")].index("Tried by") if "Tried by" in lines[0] else None
    for line in lines[2:]:
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)]
        named = _COLUMN.findall(cells[tried]) if tried is not None else []
        yield Statement(" | ".join(cells[1:-1]), tuple(f"{file}::{name}" for file, name in named))


def _sentences(item: str) -> Iterator[str]:
    flat = " ".join(item.split())
    yield from (each for each in _END.split(_LEAD.sub("", flat, count=1)) if each)


@cache
def _tests_of(file: str) -> frozenset[str]:
    """The tests of a file, and the invariants of its state machines."""
    found = ast.walk(ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8")))
    return frozenset(
        node.name
        for node in found
        if isinstance(node, ast.FunctionDef)
        and (node.name.startswith("test_") or any(ast.unparse(each) == "invariant()" for each in node.decorator_list))
    )


def fault_of(statement: Statement, behind: tuple[str, ...]) -> str:
    """Say why what is named does not stand behind a statement; empty when it does."""
    for each in behind:
        if each in (NOTHING, SHOWN):
            if len(behind) > 1 and each == NOTHING:
                return "it says nothing of its own, and yet there is a test"
            if each == SHOWN and not statement.is_shown:
                return "no command follows it"
            continue
        if each.startswith("https://"):
            continue
        file, _, name = each.partition("::")
        if not (ROOT / "tests" / file).is_file() or name not in _tests_of(file):
            return f"there is no test {each}"
    return "" if behind else "nothing was tried for it"


def faults(page: str, text: str, named: Mapping[str, str | list[str]]) -> list[str]:
    """Say what is wrong with what a page states and with what stands behind it."""
    found: list[str] = []
    stated = list(statements(text))
    for statement in stated:
        keys = [key for key in named if statement.text.startswith(key)]
        behind = [named[key] for key in keys]
        every = (
            *statement.named,
            *(each for value in behind for each in ([value] if isinstance(value, str) else value)),
        )
        fault = fault_of(statement, every) if len(keys) < 2 else "several entries fit it"
        found += [f"{page}: {fault}: {statement.text}"] if fault else []
    for key in named:
        fits = sum(statement.text.startswith(key) for statement in stated)
        found += [f"{page}: the entry {key!r} fits {fits} sentences"] if fits != 1 else []
    return found


@pytest.mark.parametrize("page", BEHIND)
def test_something_that_is_there_stands_behind_each_sentence(page: str) -> None:
    assert faults(page, (ROOT / page).read_text(encoding="utf-8"), BEHIND[page]) == []


def test_the_pages_about_trust_are_these() -> None:
    assert list(BEHIND) == ["docs/concepts/exactly-once.md", "docs/threat-model.md", "docs/guides/disaster-recovery.md"]


def test_few_sentences_say_nothing_of_their_own() -> None:
    """An introduction, a definition, a pointer: whatever could be wrong is no such sentence."""
    marked = [value for named in BEHIND.values() for value in named.values()]
    assert marked.count(NOTHING) <= len(marked) // 10


_PAGE = """\
# T

It never **fails**. It tells
why.

- **Head.** One.
- Two (`x`).

| A | so |
|--|--|
| a | b |

It shows.

```console
$ x
```
"""
_HERE, _SOURCE = "docs/test_promises.py::test_few_sentences_say_nothing_of_their_own", "https://x.example"
_ALL = {"It never": _HERE, "It tells": _SOURCE, "One": NOTHING, "Two": _SOURCE, "a | b": _SOURCE, "It shows": SHOWN}


@pytest.mark.parametrize(
    ("page", "named", "fault"),
    [
        (_PAGE, _ALL, ""),
        (_PAGE.replace("fails**.", "fails**. It is fast."), _ALL, "nothing was tried for it: It is fast."),
        (_PAGE.replace("| a | b |", "| a | b |\n| c | d |"), _ALL, "nothing was tried for it: c | d"),
        (_PAGE.replace("It tells\nwhy.", ""), _ALL, "the entry 'It tells' fits 0 sentences"),
        (_PAGE, _ALL | {"Two": "docs/test_names.py::test_none"}, "there is no test docs/test_names.py::test_none"),
        (_PAGE, _ALL | {"Two": "docs/test_promises.py::faults"}, "there is no test docs/test_promises.py::faults"),
        (_PAGE, _ALL | {"Two": "docs/test_none.py::test_x"}, "there is no test docs/test_none.py::test_x"),
        (_PAGE, _ALL | {"Two": SHOWN}, "no command follows it: Two (`x`)."),
        (_PAGE, _ALL | {"Tw": _SOURCE}, "several entries fit it: Two (`x`)."),
    ],
)  # fmt: skip
def test_what_is_added_named_wrongly_or_left_over_is_told(page: str, named: Mapping[str, str], fault: str) -> None:
    found = faults("page", page, named)
    assert (found == []) if not fault else any(fault in each for each in found), found
