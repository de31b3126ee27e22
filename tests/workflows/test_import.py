"""New tickets, from TPP to a pull request with files to decide on."""

import pytest

from reconciler.sandbox.seed import TicketSeed
from tests.github.repository import commit, files, git
from tests.workflows.team import Team, team, tickets

pytestmark = pytest.mark.slow

FOUND = "0f0f0f0f-1111-4222-8333-444455556666"
BRANCH = "reconciler/import"


def _seed(guid: str, name: str) -> TicketSeed:
    return TicketSeed(guid, rf"\VED\Policy\Web\{name}.example.com")


def _proposed(acme: Team) -> dict[str, str]:
    """The manifests of the proposal that main does not have."""
    main = files(acme.remote, "main")
    return {name: text for name, text in files(acme.remote, BRANCH).items() if main.get(name) != text}


def test_new_tickets_are_proposed_as_pending_in_one_pull_request(tmp_path) -> None:
    with team(tmp_path, *tickets(), _seed(FOUND, "found")) as acme:
        assert acme.run("import.yml", "schedule", {"schedule": "41 * * * *"}).code == 0
        (pull,) = acme.github.world.pulls.values()
        assert (pull.branch, pull.base, pull.author) == (BRANCH, "main", "github-actions[bot]")
        ((name, text),) = _proposed(acme).items()
        assert name in pull.body
        assert FOUND in text
        assert "status: Pending" in text
        assert "Approved" not in text
        assert git(acme.remote, "rev-parse", f"{BRANCH}^") == acme.head
        assert acme.tpp.log.effects == ()

        head = git(acme.remote, "rev-parse", BRANCH)
        assert acme.run("import.yml", "schedule").code == 0
        assert (git(acme.remote, "rev-parse", BRANCH), len(acme.github.world.pulls)) == (head, 1)


def test_nothing_new_is_no_pull_request(acme: Team) -> None:
    assert acme.run("import.yml", "workflow_dispatch").code == 0
    assert acme.github.world.pulls == {}
    assert git(acme.remote, "branch", "--list", BRANCH) == ""


def test_a_decision_that_a_person_pushed_is_never_overwritten(tmp_path) -> None:
    with team(tmp_path, *tickets(), _seed(FOUND, "found")) as acme:
        acme.run("import.yml", "schedule")
        ((name, text),) = _proposed(acme).items()
        edit = tmp_path / "edit"
        git(tmp_path, "clone", "--quiet", "--branch", BRANCH, str(acme.remote), str(edit))
        decided = commit(edit, name, text.replace("status: Pending", "status: Rejected") + "\n")
        git(edit, "push", "--quiet", "origin", BRANCH)
        acme.tpp.world.add_ticket(object=r"\VED\Policy\Web\later.example.com")
        result = acme.run("import.yml", "schedule")
        assert result.code == 1
        assert git(acme.remote, "rev-parse", BRANCH) == decided
        assert any("ann@acme.example" in line for line in result.lines)


def test_a_pull_request_is_opened_by_an_app_whose_token_is_made_for_the_run(tmp_path) -> None:
    with team(tmp_path, *tickets(), _seed(FOUND, "found")) as acme:
        acme.github.world.tokens["ghs_of_the_app_0123456789"] = {"contents": "write", "pull-requests": "write"}
        acme.variables, acme.secrets = {"IMPORT_APP": "Iv23liAbc"}, {"IMPORT_APP_PRIVATE_KEY": "a key of many lines"}
        assert acme.run("import.yml", "schedule").code == 0
        (asked,) = [asked for asked in acme.github.asked if (asked.method, asked.path) == ("POST", "pulls")]
        assert asked.token == "ghs_of_the_app_0123456789"
