"""The public names keep their meaning: what a release promised is still there, and what is new can be left out.

`python -m tests.docs.test_names` records the names as they are now, which is done for a release.
"""

import ast
import re
from pathlib import Path
from typing import get_type_hints

import pytest

import reconciler
from docs.generating.names import page, sections

RECORDED = Path(__file__).parent / "public-names.txt"
_PARTS = re.compile(r"(?:[^,\[\](){}]|\[(?:[^\[\]]|\[[^\[\]]*\])*\]|\((?:[^()])*\))+")


def signatures() -> dict[str, str]:
    """Return the signature of every public name, by where it is."""
    found = [name for _, names in sections() for name in names]
    return {name.name: name.signature.removeprefix(f"{name.module}.{name.name}") for name in found}


def recorded() -> dict[str, str]:
    """Return what was promised."""
    lines = RECORDED.read_text(encoding="utf-8").splitlines()
    return {line.partition("\t")[0]: line.partition("\t")[2] for line in lines}


def breaks(promised: str, now: str) -> str:
    """Say how a signature breaks a promise; empty when every use of the one is a use of the other."""
    if promised == now:
        return ""
    if not promised.startswith("(") or promised.rpartition(")")[2] != now.rpartition(")")[2]:
        return f"was {promised}, is {now}"
    before, after = _parts(promised), _parts(now)
    gone = [part for part in before if part not in after and f"{part} = …" not in after]
    new = [part for part in after if part not in before and part.removesuffix(" = …") not in before]
    needed = [part for part in new if ":" in part and not part.endswith("= …")]
    moved = [part for part in after if part in before] != [part for part in before if part in after]
    return f"lost {gone}, needs {needed}, moved {moved}" if gone or needed or moved else ""


def _parts(signature: str) -> list[str]:
    inside = signature[1 : signature.rindex(")")]
    return [part.strip() for part in _PARTS.findall(inside) if part.strip() not in {"", "*"}]


def test_what_was_promised_is_kept() -> None:
    now = signatures()
    broken = {name: breaks(promised, now.get(name, "nothing")) for name, promised in recorded().items()}
    assert {name: how for name, how in broken.items() if how} == {}, "put it back, or make it a new major version"


@pytest.mark.parametrize(
    ("promised", "now", "broken"),
    [
        ("(a: int) -> str", "(a: int) -> str", False),
        ("(a: int) -> str", "(a: int, b: dict[str, int] = …) -> str", False),
        ("(a: int) -> str", "(a: int = …) -> str", False),
        ("(red, blue)", "(red, green, blue)", False),
        ("(a: int) -> str", "(a: int, b: str) -> str", True),
        ("(a: int, b: str)", "(b: str, a: int)", True),
        ("(a: int, b: str)", "(a: int)", True),
        ("(a: int) -> str", "(a: int) -> bytes", True),
        ("(red, blue)", "(red)", True),
        (" .read(guid: Guid) -> Reading", " .read(guid: Guid) -> Reading .more() -> None", True),
    ],
)
def test_a_promise_is_broken_by_what_breaks_callers_only(promised: str, now: str, broken: bool) -> None:
    assert bool(breaks(promised, now)) is broken


def test_what_is_public_is_what_the_package_offers() -> None:
    assert sorted(signatures()) == sorted(reconciler.__all__)
    for name in reconciler.__all__:
        defined = getattr(reconciler, name)
        assert (defined.__name__, defined.__module__ in reconciler.HOMES) == (name, True)
        get_type_hints(defined)


def test_a_name_that_will_go_warns_each_time_and_works_until_then(monkeypatch: pytest.MonkeyPatch) -> None:
    promised = reconciler.load_plan
    monkeypatch.delattr(reconciler, "load_plan")
    monkeypatch.setitem(reconciler.DEPRECATED, "load_plan", "open_plan")
    for _ in range(2):
        with pytest.warns(DeprecationWarning, match="reconciler.load_plan goes .*; use open_plan") as told:
            assert reconciler.load_plan is promised
        assert told[0].filename == __file__


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
    RECORDED.write_text("".join(f"{name}\t{signature}\n" for name, signature in signatures().items()), encoding="utf-8")
