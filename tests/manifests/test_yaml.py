"""What YAML means here: nothing that surprises, with libyaml and without it."""

from pathlib import Path

import pytest
import yaml

from reconciler.manifests.manifest import Manifest, read_manifest
from reconciler.manifests.text import Unreadable, read_text
from reconciler.manifests.windows import Windows
from reconciler.manifests.yaml import Value, read_document
from reconciler.model.decision import Source
from tests.builders import NOW
from tests.manifests.corpus import WINDOWS, bad_files, good_files, name


def value_of(text: str) -> Value:
    inner = "\n  ".join(text.splitlines())
    document = read_document("x.yaml", f"v:\n  {inner}\n".encode())
    assert (document.problems, document.whole) == ([], True)
    assert isinstance(document.value, dict)
    return document.value["v"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("Off", "Off"),
        ("y", "y"),
        ("22:30:00", "22:30:00"),
        ("2036-11-29", "2036-11-29"),
        ("2036-11-29T22:00:00Z", "2036-11-29T22:00:00Z"),
        ("2036-11-29 22:00:00 +01:00", "2036-11-29 22:00:00 +01:00"),
        ("=", "="),
        ("1.2.3", "1.2.3"),
        ("-", [None]),
        ("true", True),
        ("False", False),
        ("tRUE", "tRUE"),
        ("null", None),
        ("~", None),
        ("''", ""),
        ("'true'", "true"),
        ('"42"', "42"),
        ("42", 42),
        ("-42", -42),
        ("0041234", 41234),
        ("0o17", 15),
        ("0x1F", 31),
        ("1_000", 1000),
        ("4.5", 4.5),
        ("1e3", 1000.0),
        (".inf", float("inf")),
        ("9" * 40, float("9" * 40)),
        ("6ede0e12-f7c0-4068-9977-001076205c84", "6ede0e12-f7c0-4068-9977-001076205c84"),
        ("12345678-0000-4000-8000-000000000000", "12345678-0000-4000-8000-000000000000"),
        (r"\VED\Policy\Web", r"\VED\Policy\Web"),
        ("[a, 1]", ["a", 1]),
        ("{a: 1, 2: b}", {"a": 1, "2": "b"}),
        ("a: |\n  x\n  y\n", {"a": "x\ny\n"}),
        ("? a\n: b", {"a": "b"}),
        ("a: &x {b: c}\nd: *x", {"a": {"b": "c"}, "d": {"b": "c"}}),
        ("a: &x 5\nd: *x", {"a": 5, "d": 5}),
        ("&k a: 1", {"a": 1}),
        ("'<<': 1", {"<<": 1}),
    ],
)
def test_a_value_is_what_it_looks_like(text: str, value: Value) -> None:
    assert value_of(text) == value
    assert type(value_of(text)) is type(value)


def test_aliases_may_stand_for_as_much_as_the_text_has_written() -> None:
    people = ", ".join(f"p{number}" for number in range(300))
    entries = "".join(f"- {{name: {'x' * 400}, people: *p}}\n" for _ in range(50))
    assert isinstance(value_of(f"- &p [{people}]\n{entries}"), list)


@pytest.mark.parametrize(
    "text",
    [
        "- &a [x, x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"- &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 10)}]\n" for i in range(9)),
        "- &a [x]\n" + "".join(f"- &{chr(98 + i)} [*{chr(97 + i)}]\n" for i in range(25)),
    ],
    ids=["wider and wider", "deeper and deeper"],
)
def test_aliases_that_blow_up_stop_the_reading_early(text: str) -> None:
    document = read_document("x.yaml", b"v:\n" + text.encode())
    assert [problem.code for problem in document.problems] == ["yaml/alias"]
    assert "stand for too much" in document.problems[0].message
    assert not document.whole


def test_places_are_told_for_every_key_and_value() -> None:
    document = read_document(
        "x.yaml", b"a: 1\nb:\n  - {c: d}\n  - &e [f]\n? [x, y]\n: z\ng: *e\na: [again, {b: c}]\nh: i\n"
    )
    assert document.value == {"a": 1, "b": [{"c": "d"}, ["f"]], "g": ["f"], "h": "i"}
    places = document.places
    assert {
        path: (str(places.key(path)).removeprefix("x.yaml:"), str(places.value(path)).removeprefix("x.yaml:"))
        for path in [(), ("a",), ("b",), ("b", 0), ("b", 0, "c"), ("b", 1), ("b", 1, 0), ("g",), ("g", 0), ("h",)]
    } == {
        (): ("1:1", "1:1"),
        ("a",): ("1:1", "1:4"),
        ("b",): ("2:1", "3:3"),
        ("b", 0): ("3:5", "3:5"),
        ("b", 0, "c"): ("3:6", "3:9"),
        ("b", 1): ("4:5", "4:5"),
        ("b", 1, 0): ("4:9", "4:9"),
        ("g",): ("7:1", "4:5"),
        ("g", 0): ("4:9", "4:9"),
        ("h",): ("9:1", "9:4"),
    }
    assert places.value(("b", 0, "nothing", "there")) == Source("x.yaml", 3, 5)
    assert ("b", 0, "nothing") not in places


@pytest.mark.parametrize("path", [path for path in (*bad_files(), *good_files()) if path.is_file()], ids=name)
def test_the_places_of_tickets_are_those_that_counting_finds(path: Path) -> None:
    try:
        document = read_document("x.yaml", read_text(str(path)))
    except Unreadable:
        return
    tickets = document.value.get("tickets") if isinstance(document.value, dict) else None
    for index, ticket in enumerate(tickets if isinstance(tickets, list) else ()):
        for key in ticket if isinstance(ticket, dict) else ():
            assert document.places.entry(index).line <= document.places.key(("tickets", index, key)).line


@pytest.mark.parametrize("path", [path for path in (*bad_files(), *good_files()) if path.is_file()], ids=name)
def test_without_libyaml_the_same_is_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        data = read_text(str(path))
    except Unreadable:
        return
    with_libyaml = _read(data)
    monkeypatch.delattr(yaml, "CSafeLoader")
    without = _read(data)
    assert (without.decisions, without.overrides, without.selections) == (
        with_libyaml.decisions,
        with_libyaml.overrides,
        with_libyaml.selections,
    )
    if path.parent.name == "yaml":  # the two parsers word and place their syntax errors differently
        assert bool(without.problems) == bool(with_libyaml.problems)
    else:
        assert without.problems == with_libyaml.problems


def _read(data: bytes) -> Manifest:
    return read_manifest("x.yaml", data, Windows(WINDOWS, NOW))
