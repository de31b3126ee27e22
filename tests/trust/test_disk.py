"""A disk that is full, or a ledger that can't be written, stops the run before anything is sent."""

from pathlib import Path

import pytest

from reconciler.ledger.files import ledger_files
from tests.trust.repository import CONFINED, FOUR, Repository, a_repository


def check_nothing_was_sent(repository: Repository, told: str, *arguments: str) -> None:
    code, out, err = repository.run(*arguments)
    assert code == 4, out + err
    assert told in err
    assert "Traceback" not in err
    assert repository.sandbox.log.updates == ()


@pytest.mark.parametrize(("size", "told"), [(0, "the ledger can't be locked"), (200, "the ledger can't be written")])
def test_a_disk_without_room_stops_the_run_before_anything_is_sent(size: int, told: str, tmp_path: Path) -> None:
    with a_repository(tmp_path) as repository:
        check_nothing_was_sent(repository, told, str(CONFINED), f"size={size}", "apply", "--yes")
        assert repository.run("apply", "--yes")[0] == 0
        repository.assert_trustworthy()


def test_a_disk_that_fills_up_during_the_run_lets_nothing_out_that_is_not_written_down(tmp_path: Path) -> None:
    with a_repository(tmp_path) as repository:
        code, out, err = repository.run(str(CONFINED), "size=3000", "apply", "--yes")
        assert code in (4, 5, 6), out + err
        assert "Traceback" not in err
        assert 0 < len(repository.sandbox.log.updates) < len(FOUR)
        repository.assert_trustworthy()
        assert repository.run("apply", "--yes")[0] == 0
        assert set(repository.effects()) == set(FOUR)
        repository.assert_trustworthy()


def test_a_ledger_that_is_no_folder_stops_the_run_before_anything_is_sent(tmp_path: Path) -> None:
    with a_repository(tmp_path) as repository:
        repository.ledger.write_text("not a folder")
        code, out, err = repository.run("apply", "--yes")
        assert code in (3, 4), out + err
        assert "Traceback" not in err
        assert repository.sandbox.log.updates == ()


def test_a_ledger_that_may_not_be_written_stops_the_run_before_anything_is_sent(tmp_path: Path) -> None:
    with a_repository(tmp_path) as repository:
        repository.ledger.mkdir()
        repository.ledger.chmod(0o555)
        check_nothing_was_sent(repository, "the ledger can't be locked", str(CONFINED), "read-only", "apply", "--yes")
        repository.ledger.chmod(0o755)
        assert ledger_files(repository.ledger) == ()
        assert repository.run("apply", "--yes")[0] == 0
        repository.assert_trustworthy()


def test_a_ledger_whose_folders_of_months_may_not_be_written_stops_the_run_too(tmp_path: Path) -> None:
    with a_repository(tmp_path) as repository:
        assert repository.run("apply", "--yes")[0] == 0
        (month,) = repository.ledger.glob("20*/*")
        month.chmod(0o555)
        sent = len(repository.sandbox.log.updates)
        repository.decide(dict.fromkeys(FOUR, "status: Rejected"))
        code, out, err = repository.run(str(CONFINED), "read-only", "apply", "--yes")
        month.chmod(0o755)
        assert (code, "the ledger can't be written" in err) == (4, True), out + err
        assert len(repository.sandbox.log.updates) == sent
