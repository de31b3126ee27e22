"""A team for each test that asks for one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workflows.team import Team, team


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[Team]:
    with team(tmp_path) as made:
        yield made
