"""Plans and configurations beside the runs: the same once, and never another text than was kept."""

import gzip
from pathlib import Path

import pytest

from reconciler.codec import sha256
from reconciler.errors import LedgerBroken, LedgerUnwritable
from reconciler.ledger import kept as ledger_kept
from reconciler.ledger.kept import CONFIGURATIONS, PLANS, keep, kept

TEXT = b"version: 1\n"
DIGEST = sha256(TEXT)
NAME = DIGEST.removeprefix("sha256:")


def test_a_text_is_kept_once_under_its_digest_and_the_same_bytes_on_every_machine(tmp_path: Path) -> None:
    root = tmp_path / "new/ledger"
    for place, path in ((PLANS, f"plans/{NAME}.json.gz"), (CONFIGURATIONS, f"configurations/{NAME}.yaml.gz")):
        assert kept(root, place, DIGEST) is None
        assert keep(root, place, TEXT) == DIGEST
        assert kept(root, place, DIGEST) == TEXT
        before = (root / path).stat()
        assert (root / path).read_bytes() == gzip.compress(TEXT, mtime=0)
        assert keep(root, place, TEXT) == DIGEST
        assert (root / path).stat().st_ino == before.st_ino
        keep(root, place, b"another")
        assert len(list((root / path).parent.iterdir())) == 2


@pytest.mark.parametrize(
    "data",
    [
        gzip.compress(b"version: 2\n"),
        gzip.compress(TEXT)[:-4],
        b"\x1f\x8b damaged",
        TEXT,
        b"",
        gzip.compress(TEXT)[:-12] + b"12345678" + gzip.compress(TEXT)[-4:],
    ],
    ids=["another text", "cut off", "damaged", "not packed", "empty", "another checksum"],
)
def test_a_kept_text_that_was_changed_or_damaged_is_told(tmp_path: Path, data: bytes) -> None:
    keep(tmp_path, PLANS, TEXT)
    path = tmp_path / PLANS.format(NAME)
    path.write_bytes(data)
    with pytest.raises(LedgerBroken) as broken:
        kept(tmp_path, PLANS, DIGEST)
    assert broken.value.message == f"{path} is not what was kept under this name: it was changed or damaged"
    assert broken.value.hint == "restore it from the ledger's branch or a backup, and find out who changed it"


def test_a_small_file_that_unpacks_to_more_than_any_plan_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(tmp_path, PLANS, bytes(1000))
    monkeypatch.setattr(ledger_kept, "_MOST", 999)
    with pytest.raises(LedgerBroken, match="is not what was kept"):
        kept(tmp_path, PLANS, sha256(bytes(1000)))


def test_a_link_in_the_place_of_a_kept_text_is_neither_read_nor_taken_for_it(tmp_path: Path) -> None:
    path = tmp_path / PLANS.format(NAME)
    path.parent.mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(gzip.compress(TEXT))
    path.symlink_to(elsewhere)
    assert kept(tmp_path, PLANS, DIGEST) is None
    with pytest.raises(LedgerUnwritable) as refused:
        keep(tmp_path, PLANS, TEXT)
    assert refused.value.message == (
        f"the ledger can't be written: {path}: this is a link; only a regular file is replaced"
    )
    assert refused.value.hint == "see why that disk can't be written"


def test_a_kept_text_that_can_not_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(tmp_path, PLANS, TEXT)
    path = tmp_path / PLANS.format(NAME)

    def fail(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", fail)
    with pytest.raises(LedgerBroken) as broken:
        kept(tmp_path, PLANS, DIGEST)
    assert broken.value.message == f"{path} can't be read: Permission denied"
