"""A sandbox per test, and a session that speaks to it with its token."""

from collections.abc import Iterator

import pytest

from reconciler.sandbox.running import Sandbox, running_sandbox
from tests.fakes import FakeClock
from tests.sandbox.client import Client


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def sandbox(clock: FakeClock) -> Iterator[Sandbox]:
    with running_sandbox(clock=clock) as running:
        yield running


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[Client]:
    with Client(sandbox.url, sandbox.token) as session:
        yield session
