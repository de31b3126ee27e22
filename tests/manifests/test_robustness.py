"""Whatever stands in a file, there is an answer and never an exception."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.manifests.config import check_settings
from reconciler.manifests.load import check
from tests.builders import NOW
from tests.manifests.corpus import WINDOWS, bad_files, example_configurations, example_manifests, good_files

CORPUS = (*bad_files(), *good_files(), *example_manifests(), *example_configurations())
TEXTS = sorted({path.read_bytes() for path in CORPUS if path.is_file() and path.stat().st_size < 3000})
SIGNS = ("\n", "  ", "- ", ": ", "{", "}", "[", "]", "'", '"', "#", "&a ", "*a", "!x ", "|", ">", "?", "<<", "~", "\t")
WORDS = ("---\n", "...\n", "%YAML 1.2\n", "1e999", "kind: rules\n", "tickets:\n", "defaults:\n", "windows:\n")
CHARACTERS = ("\r", "\x00", "\ufeff", "\u2028", "\u202e", "\U0001f600")
SNIPPETS = [b"\xff", *(text.encode() for text in (*SIGNS, *WORDS, *CHARACTERS))]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A file of the corpus with some bytes cut, doubled or replaced."""
    data = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        stop = min(len(data), start + draw(st.integers(0, 40)))
        middle = draw(st.one_of(st.sampled_from(SNIPPETS), st.just(data[start:stop] * 2), st.just(b"")))
        data = data[:start] + middle + data[stop:]
    return data


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damaged") / "file.yaml"


@settings(max_examples=300, deadline=None)
@given(data=damaged())
def test_a_damaged_manifest_is_read_or_refused_with_a_place_and_a_remedy(file: Path, data: bytes) -> None:
    file.write_bytes(data)
    desired, problems = check([str(file)], windows=WINDOWS, now=NOW)
    assert desired.decisions or desired.selections or problems
    for problem in problems:
        assert problem.source.path == str(file)
        assert problem.message
        assert problem.hint
        assert problem.source.line <= data.count(b"\n") + 2


@settings(max_examples=200, deadline=None)
@given(data=damaged())
def test_a_damaged_configuration_is_read_or_refused_with_a_place_and_a_remedy(file: Path, data: bytes) -> None:
    file.write_bytes(data)
    for problem in check_settings(str(file), None, {})[1]:
        assert (problem.source.path, bool(problem.message), bool(problem.hint)) == (str(file), True, True)


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=200))
def test_noise_is_refused(file: Path, data: bytes) -> None:
    file.write_bytes(data)
    assert check([str(file)], windows=WINDOWS, now=NOW)[1]
