"""A GitHub for each test, which fails the test when anything broke GitHub's description."""

from collections.abc import Iterator

import pytest

from reconciler.github.client import GitHub
from tests.fakes import FakeClock
from tests.github.fake_github import FakeGitHub

TOKEN = "ghs_0123456789abcdef"


@pytest.fixture
def server() -> Iterator[FakeGitHub]:
    with FakeGitHub().serve() as fake:
        yield fake
    assert fake.violations == []


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def github(server: FakeGitHub, clock: FakeClock) -> Iterator[GitHub]:
    client = GitHub.open(server.api_url, server.world.repository, TOKEN, clock)
    yield client
    client.session.close()
