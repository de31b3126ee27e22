"""No test leaves this machine: sockets connect to loopback only."""

import gc
import itertools
import os
import socket
import sys

import pytest
from hypothesis import settings

# Seconds of CPU in each process of tests, to compile grammars for formats that none of our schemas names.
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]

# A busy machine is no fault of the code.
settings.register_profile("without a deadline", deadline=None)
settings.load_profile("without a deadline")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a slow test in a file that `make pytest-slow` does not read."""
    for path in {item.path for item in items if item.get_closest_marker("slow")}:
        if "mark.slow" not in path.read_text(encoding="utf-8"):
            raise pytest.UsageError(f"{path}: has slow tests; say `mark.slow` in the file itself, or they are not run")


def pytest_collection_finish() -> None:
    """Spare the garbage collector what stays until the end: thousands of collected tests, and what they import."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)  # so that it runs without xdist, too
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Run a worker a core with `--numprocesses logical`; with `auto` two, for tests that wait for processes and timers.

    Each worker collects all tests for itself, which takes as long as hundreds of quick ones.
    """
    affinity = getattr(os, "sched_getaffinity", None)  # macOS has none
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return cores if config.option.numprocesses == "logical" else 2 * cores


_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


@pytest.fixture(autouse=True)
def own_state(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Remember nothing from one test to the next, and nothing in the home of whoever runs them."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.getbasetemp() / f"state-{next(_NUMBERS)}"))


_NUMBERS = itertools.count()


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection that is not to this machine, and every proxy of the environment."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        if isinstance(address, tuple) and address[0] not in _LOOPBACK and not str(address[0]).startswith("127."):
            raise OSError(f"a test tried to reach {address[0]}")
        connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", guarded)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
