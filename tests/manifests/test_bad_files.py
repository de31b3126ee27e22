"""Every file in tests/invalid has a fault, and the text beside it is exactly what is printed about it.

A new case needs no Python: add `<fault>.yaml` to one of the folders, run this file with UPDATE_EXPECTED=1, and
read the new `<fault>.txt` as a user would. tests/invalid/README.md says which folder is for what.
"""

import os
from pathlib import Path

import pytest

from tests.manifests.corpus import CONFIGURATIONS, INVALID, bad_files, name, told


@pytest.mark.parametrize("path", bad_files(), ids=name)
def test_a_bad_file_is_refused_with_exactly_this_text(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    text = told(path.name, config=path.parent.name in CONFIGURATIONS)
    expected = path.parent / f"{path.stem}.txt"
    if os.environ.get("UPDATE_EXPECTED"):
        expected.write_text(text, encoding="utf-8")
    assert text
    assert text == expected.read_text(encoding="utf-8")


def test_every_expected_text_belongs_to_a_file() -> None:
    cases = {path.parent / f"{path.stem}.txt" for path in bad_files()}
    assert cases == set(INVALID.glob("*/*.txt"))


def test_no_message_shows_a_secret() -> None:
    texts = [path.read_text(encoding="utf-8") for path in INVALID.glob("*/*.txt")]
    assert not [text for text in texts if "s3cr3t" in text or "geheim" in text]
