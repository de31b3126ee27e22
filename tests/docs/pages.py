"""Markdown pages and their fenced blocks."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PAGES = sorted(
    path
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md"))
    if "node_modules" not in path.parts
)
_FENCE = re.compile(
    r"^(?P<indent> *)(?P<fence>```+)(?P<info>[^\n`]*)\n(?P<body>.*?)^(?P=indent)(?P=fence) *$", re.MULTILINE | re.DOTALL
)
_OPTION = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True)
class Block:
    """One fenced block. `options` follow the language, `start` and `end` are the offsets of its body."""

    page: Path
    language: str
    options: dict[str, str]
    body: str
    line: int
    start: int
    end: int

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page in order."""
    text = page.read_text(encoding="utf-8")
    for match in _FENCE.finditer(text):
        language, _, rest = match["info"].strip().partition(" ")
        options = dict(_OPTION.findall(rest))
        line = text.count("\n", 0, match.start()) + 1
        body = re.sub(f"^{match['indent']}", "", match["body"], flags=re.MULTILINE)
        yield Block(page, language, options, body, line, match.start("body"), match.end("body"))


def name(page: Path) -> str:
    """Name a page for a test."""
    return str(page.relative_to(ROOT))
