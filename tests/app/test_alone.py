"""Who waits for another run on this machine is told so, at once and every half minute."""

import pytest

from reconciler.app.alone import _patience
from tests.fakes import FakeClock


def test_who_waits_for_a_lock_is_told_how_long_already(caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    wait = _patience(clock, 70)
    while wait():
        pass
    assert sum(clock.slept) == 70
    assert [record.getMessage() for record in caplog.records] == [
        f"another run holds the lock of the ledger: {waited} of at most 70 s waited" for waited in (0, 30, 60)
    ]


def test_nobody_waits_longer_for_a_lock_than_was_said() -> None:
    clock = FakeClock()
    wait = _patience(clock, 12)
    while wait():
        pass
    assert sum(clock.slept) == 12
