"""Manifests that are skipped: only while nothing can be missed by not reading them."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.codec import sha256
from reconciler.errors import InvalidInput
from reconciler.manifests.load import SealIndex, SharedTicket, check, load_desired
from reconciler.model.decision import Desired, Problem, Seal
from reconciler.model.value import replace
from tests.builders import NOW, guid
from tests.manifests.corpus import VALID, WINDOWS, bad_files, name

ONE, TWO, THREE = (guid(number) for number in (0xA1, 0xB2, 0xC3))
HEAD = "version: 1\nchange: CHG0041234\ntickets:\n"


def _manifest(*guids: str) -> str:
    return HEAD + "".join(f"  - guid: {each}\n    status: Approved\n" for each in guids)


def _write(name: str, text: str) -> str:
    Path(name).write_text(text, encoding="utf-8")
    return name


def _seal(*names: str) -> dict[str, Seal]:
    """SealIndex for files as they are now."""
    seals = [Seal(each, sha256(Path(each).read_bytes()), Path(each).read_text().count("guid")) for each in names]
    return {seal.content: seal for seal in seals}


def _load(*names: str, sealed: dict[str, Seal] | None = None, sealing: bool = False) -> Desired:
    return load_desired(names, windows=WINDOWS, now=NOW, sealed=sealed or {}, sealing=sealing)


def _faults(*names: str, sealed: dict[str, Seal] | None = None) -> tuple[Problem, ...]:
    try:
        _load(*names, sealed=sealed)
    except InvalidInput as error:
        return tuple(error.problems)
    return ()


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_sealed_manifest_is_named_and_not_read() -> None:
    done, going_on = _write("a.yaml", _manifest(ONE, TWO)), _write("b.yaml", _manifest(THREE))
    found = _load(done, going_on, sealed=_seal(done))
    assert [decision.guid for decision in found.decisions] == [THREE]
    assert found.sealed == (Seal(done, sha256(_manifest(ONE, TWO).encode()), 2),)
    assert found.files == (done, going_on)


def test_the_text_counts_and_not_the_name() -> None:
    sealed = _seal(_write("a.yaml", _manifest(ONE)))
    Path("a.yaml").rename("moved.yaml")
    assert [seal.path for seal in _load("moved.yaml", sealed=sealed).sealed] == ["moved.yaml"]


def test_a_seal_that_counts_otherwise_is_none() -> None:
    path = _write("a.yaml", _manifest(ONE, TWO))
    content = sha256(Path(path).read_bytes())
    found = _load(path, sealed={content: Seal(path, content, 3)})
    assert len(found.decisions) == 2
    assert found.sealed == ()


@pytest.mark.parametrize("edit", [" ", "\n", "# a comment\n", f"  - guid: {TWO}\n    status: Rejected\n"])
def test_a_manifest_that_was_edited_since_is_read(edit: str) -> None:
    sealed = _seal(_write("a.yaml", _manifest(ONE)))
    found = _load(_write("a.yaml", _manifest(ONE) + edit), sealed=sealed)
    assert ONE in {decision.guid for decision in found.decisions}
    assert found.sealed == ()


@pytest.mark.parametrize(
    "entry",
    [
        f"  - guid: {TWO}\n    status: Rejected\n",
        f"  - guid: '{{{TWO.upper()}}}'\n    status: Rejected\n",
        f'  - {{"guid": "{TWO}", "status": "Rejected"}}\n',
        f"  - status: Rejected\n    guid: {TWO.upper()}\n",
        f'  - guid: "\\x30{TWO[1:]}"\n    status: Rejected\n',
    ],
)
def test_a_ticket_that_is_decided_again_elsewhere_is_refused_as_ever(entry: str) -> None:
    done, again = _write("a.yaml", _manifest(ONE, TWO)), _write("b.yaml", HEAD + entry)
    told = _faults(done, again, sealed=_seal(done))
    assert [problem.code for problem in told] == ["ticket/twice"]
    assert told == _faults(done, again)


def test_two_sealed_manifests_with_one_ticket_are_refused_as_ever() -> None:
    files = _write("a.yaml", _manifest(ONE, TWO)), _write("b.yaml", _manifest(TWO))
    told = _faults(*files, sealed=_seal(*files))
    assert [problem.code for problem in told] == ["ticket/twice"]
    assert told == _faults(*files)


def test_a_copy_of_a_sealed_manifest_is_refused_as_ever() -> None:
    files = _write("a.yaml", _manifest(ONE)), _write("b.yaml", _manifest(ONE))
    assert [problem.code for problem in _faults(*files, sealed=_seal("a.yaml"))] == ["ticket/twice"]


def test_faults_of_other_manifests_are_all_told() -> None:
    done, bad = _write("a.yaml", _manifest(ONE)), _write("b.yaml", _manifest(TWO).replace("Approved", "Approvd"))
    assert _faults(done, bad, sealed=_seal(done)) == _faults(bad)


def test_what_can_be_sealed_is_noted_only_when_asked_for() -> None:
    path = _write("a.yaml", _manifest(ONE, TWO))
    assert _load(path).sealable == ()
    assert _load(path, sealing=True).sealable == (Seal(path, sha256(Path(path).read_bytes()), 2),)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (HEAD + f'  - guid: "\\x30{TWO[1:]}"\n    status: Rejected\n', "a search does not find its GUID"),
        (_manifest(ONE) + f"# guid: {TWO}\n", "a search finds one GUID more"),
        (
            HEAD + f"  - guid: {ONE}\n    status: Approved Between\n    schedule: sat-night\n",
            "its window is defined in the configuration",
        ),
        (
            _manifest(ONE)
            + f"overrides:\n  - {{rule: freeze, tickets: [{ONE}], reason: night, until: '2036-01-01T00:00:00Z'}}\n",
            "it has an override",
        ),
        (
            HEAD + f"  - guid: {ONE}\n    status: Approved\n    valid_until: 2026-11-30T00:00:00Z\nkind: decisions\n",
            "",
        ),
    ],
)
def test_only_decisions_that_depend_on_nothing_else_can_be_sealed(text: str, why: str) -> None:
    path = _write("a.yaml", text)
    found = _load(path, sealing=True)
    assert bool(found.sealable) is not bool(why), why


def test_good_files_that_can_be_sealed_name_their_tickets_where_a_search_finds_them() -> None:
    counted = 0
    for path in sorted((VALID / "decisions").glob("*.yaml")):
        found = load_desired([str(path)], windows=WINDOWS, now=NOW, sealing=True)
        for seal in found.sealable:
            sealed = {seal.content: seal}
            with pytest.raises(SharedTicket):
                check(
                    [str(path), _write("again.yaml", _manifest(found.decisions[-1].guid))],
                    windows=WINDOWS,
                    now=NOW,
                    seals=SealIndex(sealed),
                )
            counted += 1
    assert counted > 5


@pytest.mark.parametrize("path", bad_files(), ids=name)
def test_every_bad_file_has_the_same_faults_beside_a_sealed_one(path: Path) -> None:
    done = _write("done.yaml", _manifest(ONE))
    assert _faults(done, str(path), sealed=_seal(done)) == _faults(done, str(path))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from([ONE, TWO, THREE, guid(4), guid(5)]), min_size=1, max_size=3), max_size=4),
    st.sets(st.integers(0, 3)),
)
def test_seals_change_nothing_but_what_is_read(groups: list[list[str]], shut: set[int]) -> None:
    files = [_write(f"{index}.yaml", _manifest(*group)) for index, group in enumerate(groups)]
    sealed = _seal(*(file for index, file in enumerate(files) if index in shut))
    plainly = _faults(*files)
    assert _faults(*files, sealed=sealed) == plainly
    if plainly:
        return
    known, everything = _load(*files, sealed=sealed), _load(*files)
    unread = {seal.path for seal in known.sealed}
    read = tuple(decision for decision in everything.decisions if decision.source.path not in unread)
    assert replace(known, sealed=()) == replace(everything, decisions=read)
    assert sum(seal.decisions for seal in known.sealed) + len(read) == len(everything.decisions)
