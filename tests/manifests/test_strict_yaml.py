"""What YAML means here: nothing that surprises, with libyaml and without it."""

from pathlib import Path

import pytest
import yaml

from reconciler.manifests.manifest import Manifest, read_manifest
from reconciler.manifests.place import locate
from reconciler.manifests.source_text import Unreadable, read_text
from reconciler.manifests.strict_yaml import FREE_ALIASED, StrictReader, Unparsable, Value
from reconciler.manifests.windows import Windows
from reconciler.model.decision import Source
from tests.builders import NOW
from tests.manifests.corpus import WINDOWS, bad_files, good_files, name


def value_of(text: str) -> Value:
    reader = StrictReader("x.yaml", text.encode())
    first = reader.begin()
    assert first is not None
    value = reader.value(first)
    reader.end()
    assert reader.problems == []
    return value


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


def test_aliases_that_blow_up_stop_the_reading_early() -> None:
    text = "- &a [x, x, x, x, x, x, x, x, x, x]\n"
    text += "".join(f"- &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 10)}]\n" for i in range(9))
    reader = StrictReader("x.yaml", text.encode())
    first = reader.begin()
    assert first is not None
    with pytest.raises(Unparsable, match="stand for too much"):
        reader.value(first)
    assert len(reader.log) < 4 * FREE_ALIASED


def test_aliases_cannot_nest_deeper_than_what_is_written() -> None:
    text = "- &a [x]\n" + "".join(f"- &{chr(98 + i)} [*{chr(97 + i)}]\n" for i in range(25))
    reader = StrictReader("x.yaml", text.encode())
    first = reader.begin()
    assert first is not None
    with pytest.raises(Unparsable, match="stand for too much"):
        reader.value(first)


def test_places_are_told_for_every_key_and_value() -> None:
    reader = StrictReader("x.yaml", b"a: 1\nb:\n  - {c: d}\n  - &e [f]\ng: *e\na: again\n")
    first = reader.begin()
    assert first is not None
    assert reader.value(first) == {"a": 1, "b": [{"c": "d"}, ["f"]], "g": ["f"]}
    places = locate("x.yaml", reader.log)
    assert places.values == {
        (): Source("x.yaml", 1, 1),
        ("a",): Source("x.yaml", 1, 4),
        ("b",): Source("x.yaml", 3, 3),
        ("b", 0): Source("x.yaml", 3, 5),
        ("b", 0, "c"): Source("x.yaml", 3, 9),
        ("b", 1): Source("x.yaml", 4, 5),
        ("b", 1, 0): Source("x.yaml", 4, 9),
        ("g",): Source("x.yaml", 4, 5),
        ("g", 0): Source("x.yaml", 4, 9),
    }
    assert places.keys[("g",)] == Source("x.yaml", 5, 1)
    assert places.value(("b", 0, "nothing", "there")) == Source("x.yaml", 3, 5)


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
