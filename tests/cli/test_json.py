"""Whatever leaves the program as JSON names the version of its format."""

import json

import pytest

from tests.cli.repo import FIRST, SECOND, Repo

APPROVE = f"{{guid: {FIRST}, status: Approved, explanation: fine}}"


@pytest.mark.parametrize(
    "command",
    [
        "validate --format json",
        "plan --format json",
        "apply --dry-run --format json",
        "apply --yes --format json",
        f"explain {FIRST} --format json",
        "import --mine --dry-run --format json",
        "tidy --dry-run --format json",
        "list --format json",
        "ledger log --format json",
        "ledger population --format json",
        "ledger policy --format json",
        "ledger archive --before 2020-01-01 --format json",
        "ledger verify --format json",
        "ledger export --format json",
        "windows --format json",
        "doctor --format json",
    ],
)
def test_json_names_the_version_of_its_format(repo: Repo, command: str) -> None:
    night = "{rule: FREQ=WEEKLY;BYDAY=SA, start: '22:00', duration: 4h, timezone: Europe/Berlin}"
    repo.configure(f"windows: {{sat: {night}}}\n")
    repo.decide(APPROVE)
    repo.run("apply", "--yes")
    repo.decide(APPROVE, f"{{guid: {SECOND}, status: Approved, explanation: fine}}")
    said = repo.run(*command.split())
    document = json.loads(said.out)
    assert isinstance(document["version"], int)
    assert next(iter(document)) in {"version", "checksum"}
