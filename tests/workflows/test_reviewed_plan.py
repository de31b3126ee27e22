"""What was reviewed is what is applied: the plan of the pull request is found again, row by row."""

import pytest

from tests.workflows.team import OBJECTS, SHOP, WWW, Team

pytestmark = pytest.mark.slow

_REQUIRED = "  four_eyes: {reviewers: 1}\n  reviewed_plan: required\n"


@pytest.fixture
def strict(acme: Team) -> Team:
    """A team that asks for the reviewed plan, and has planned its pull request."""
    path = acme.folder / "reconciler.yaml"
    acme.commit("reconciler.yaml", path.read_text().replace("  four_eyes: {reviewers: 1}\n", _REQUIRED))
    assert acme.run("pull-request.yml", "pull_request", acme.pull_request()).code == 0
    return acme


def _plan_while_one_is_away(acme: Team) -> None:
    """Plan the pull request at a time at which one of its tickets is not there."""
    acme.tpp.world.delete(WWW)
    assert acme.run("pull-request.yml", "pull_request", acme.pull_request()).code == 1
    acme.tpp.world.add_ticket(guid=WWW, object=OBJECTS[WWW])


def _refused(acme: Team) -> str:
    result = acme.run("apply.yml", "push", acme.merge())
    assert result.code == 1
    said = " ".join(" ".join(result.lines).split())
    assert "refused/not-reviewed" in said
    return said


def test_what_the_reviewers_saw_is_applied(strict: Team) -> None:
    assert strict.run("apply.yml", "push", strict.merge()).code == 0
    assert {entry.guid for entry in strict.tpp.log.updates} == {WWW, SHOP}


def test_a_row_that_differs_is_refused_with_the_difference_and_the_others_are_applied(strict: Team) -> None:
    _plan_while_one_is_away(strict)
    assert "the reviewed plan does not change this ticket" in _refused(strict)
    assert {entry.guid for entry in strict.tpp.log.updates} == {SHOP}


def test_without_a_plan_that_is_kept_nothing_is_applied(strict: Team) -> None:
    strict.github.world.expired = True
    assert "the plan that the reviewers of PR #7 saw is not kept any more" in _refused(strict)
    assert strict.tpp.log.updates == ()


def test_a_plan_that_a_fork_uploaded_is_none(strict: Team) -> None:
    for run in strict.github.world.started:
        run["head_repository"] = 6666
    assert "is not kept any more" in _refused(strict)


def test_an_edited_plan_is_none(strict: Team) -> None:
    path = strict.artifacts / "plan" / "plan.json"
    path.write_text(path.read_text().replace("Web tier renewal", "Something else"))
    assert "can't be read" in _refused(strict)
    assert strict.tpp.log.updates == ()


def test_where_it_need_not_be_there_a_plan_that_is_there_still_binds(acme: Team) -> None:
    _plan_while_one_is_away(acme)
    _refused(acme)
    assert {entry.guid for entry in acme.tpp.log.updates} == {SHOP}
    acme.github.world.expired = True
    assert acme.run("apply.yml", "push", acme.merge()).code == 0
    assert {entry.guid for entry in acme.tpp.log.updates} == {SHOP, WWW}
