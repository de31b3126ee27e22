"""The public names keep their signatures; a change is seen in public-names.txt, and in the change log.

`python -m tests.docs.test_names` writes them anew.
"""

import ast
from pathlib import Path

from docs.generating.names import page, sections

RECORDED = Path(__file__).parent / "public-names.txt"


def _signatures() -> str:
    return "".join(f"{name.signature}\n" for _, names in sections() for name in names)


def test_public_names_and_signatures_are_as_recorded() -> None:
    assert _signatures() == RECORDED.read_text(encoding="utf-8"), (
        "a public name changed: make outputs, and CHANGELOG.md"
    )


def test_every_public_name_says_what_it_is_for() -> None:
    silent = [
        name.signature
        for _, names in sections()
        for name in names
        if not name.says and not isinstance(name.node, ast.Assign)
    ]
    assert silent == []


def test_what_can_fail_says_how() -> None:
    told = page()
    for error in (
        "InvalidInput",
        "ServerFailure",
        "CredentialsRefused",
        "LedgerBroken",
        "LedgerUnwritable",
        "LockHeld",
    ):
        assert told.count(error) > 1, f"{error} is raised by nothing that is public"


if __name__ == "__main__":
    RECORDED.write_text(_signatures(), encoding="utf-8")
