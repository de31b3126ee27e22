"""What can't be established is not reviewed: the refusal says the true cause and its remedy, and nothing is sent."""

import os
import shutil
from collections.abc import Callable

import pytest

from tests.github.repository import git
from tests.workflows.job import job
from tests.workflows.team import Team

FOUND, OBJECT = "0f0f0f0f-1111-4222-8333-444455556666", r"\VED\Policy\Web\found.example.com"
MORE = f"""\
version: 1
change: CHG0041239
tickets:
  - guid: {FOUND}
    status: Approved
    explanation: more
    expect: {{object: '{OBJECT}'}}
"""


def _more(acme: Team) -> None:
    acme.tpp.world.add_ticket(FOUND, object=OBJECT)
    (acme.folder / "tickets" / "more.yaml").write_text(MORE, encoding="utf-8")


def _ignored(acme: Team) -> None:
    _more(acme)
    with (acme.folder / ".git" / "info" / "exclude").open("a", encoding="utf-8") as exclude:
        exclude.write("more.yaml\n")


def _changed(acme: Team) -> None:
    path = acme.folder / "tickets" / "2036" / "CHG0041234.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("status: Pending", "status: Rejected"), encoding="utf-8")


def _configured(acme: Team) -> None:
    path = acme.folder / "reconciler.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace(": 100", ": 101"), encoding="utf-8")


def _shallow(acme: Team) -> None:
    whole = acme.folder.rename(acme.scratch / "whole")
    git(acme.scratch, "clone", "--quiet", "--depth", "1", f"file://{acme.remote}", str(acme.folder))
    shutil.rmtree(whole)


def _elsewhere(acme: Team) -> None:
    acme.github.world.pulls[12].base = "release"


def _of_another(acme: Team) -> None:
    for path in (acme.folder, *acme.folder.rglob("*")):
        os.chown(path, 12_345, 12_345, follow_symlinks=False)


CAUSES: dict[str, tuple[Callable[[Team], None], str]] = {
    "not in git": (_more, "tickets/more.yaml is not in git; commit it"),
    "ignored": (_ignored, "tickets/more.yaml is ignored by git; commit it"),
    "changed": (_changed, "CHG0041234.yaml differs from the commit; commit it"),
    "configuration": (_configured, "reconciler.yaml differs from the commit; commit it"),
    "shallow": (_shallow, "the checkout is shallow, older commits are not there; check out with `fetch-depth: 0`"),
    "no repository": (lambda acme: shutil.rmtree(acme.folder / ".git"), "not a git repository"),
    "of another": (_of_another, "dubious ownership"),
    "merged elsewhere": (_elsewhere, "came to main without a merged pull request"),
}


@pytest.mark.parametrize("name", CAUSES)
def test_what_can_not_be_established_is_refused_with_its_true_cause(acme: Team, name: str) -> None:
    if name == "of another" and os.getuid() != 0:
        pytest.skip("only root can give a folder away")
    acme.merged(12)
    sha = acme.head
    happens, says = CAUSES[name]
    happens(acme)
    done = job(acme, "apply", "--yes", GITHUB_SHA=sha)
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 3, said
    assert says in said
    assert name == "merged elsewhere" or "without a merged pull request" not in said
    sent = {str(entry.guid) for entry in acme.tpp.log.updates}
    assert FOUND not in sent
    assert sent == set() or name in ("not in git", "ignored")
