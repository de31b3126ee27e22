"""JWTs that a platform puts into files: others may read them, nobody else may change them."""

from pathlib import Path

import pytest

from reconciler.errors import CredentialsRefused
from reconciler.tpp.secrets import read_issued, read_private


def _file(folder: Path, mode: int) -> Path:
    path = folder / "token"
    path.write_text("header.claims.signature\n", encoding="utf-8")
    path.chmod(mode)
    return path


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o640, 0o644])
def test_a_projected_token_may_be_read_by_others(tmp_path: Path, mode: int) -> None:
    assert read_issued(_file(tmp_path, mode)).reveal() == "header.claims.signature"


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_token_that_others_can_change_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(CredentialsRefused, match="can be changed by others"):
        read_issued(_file(tmp_path, mode))


def test_a_stored_secret_must_be_private(tmp_path: Path) -> None:
    with pytest.raises(CredentialsRefused, match="can be read by others"):
        read_private(_file(tmp_path, 0o644))
