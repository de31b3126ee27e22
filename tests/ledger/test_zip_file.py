"""Zip files: the same content gives the same bytes, on every machine and at every time."""

import os
import zipfile
from pathlib import Path

from reconciler.ledger.zip_file import files_in, write_zip


def test_a_zip_says_nothing_but_names_and_contents_of_files(tmp_path: Path) -> None:
    contents = {"b.txt": b"two", "a/c.txt": b"one", "a.txt": b"large " * 500_000, "empty": b""}
    for folder, names in (("one", contents), ("two", reversed(contents))):
        for name in names:
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(contents[name])
            path.chmod(0o600 if folder == "one" else 0o755)
            os.utime(path, (len(folder) + len(name), 1e9 if folder == "one" else 2e9))
        assert files_in(tmp_path / folder) == {name: tmp_path / folder / name for name in sorted(contents)}
        assert list(files_in(tmp_path / folder)) == sorted(contents)
        write_zip(tmp_path / f"{folder}.zip", tmp_path / folder)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as packed:
        assert {entry.filename: packed.read(entry) for entry in packed.infolist()} == contents
        assert packed.namelist() == sorted(contents)
        for entry in packed.infolist():
            assert entry.date_time == (1980, 1, 1, 0, 0, 0)
            assert (entry.create_system, entry.external_attr >> 16) == (3, 0o100644), "a file that others can read"
            assert entry.compress_type == zipfile.ZIP_DEFLATED
    assert (tmp_path / "one.zip").stat().st_size < 10_000
