"""What GitHub answers to each call, from the state of a repository."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.github import settings
from tests.github.description import answer_of
from tests.github.refused import Refused
from tests.github.world import BOT, Comment, Issue, Pull, PullCommit, World

SITE = "https://github.example"
LONGEST_BODY = 65_536
WHEN = "2026-11-23T10:00:00Z"


@dataclass(frozen=True)
class Call:
    world: World
    path: tuple[str, ...]
    query: Mapping[str, str]
    body: dict[str, Any]

    def number(self, place: int) -> int:
        return int(self.path[place])


def user(world: World, login: str) -> dict[str, Any]:
    return {"login": login, "type": world.type_of(login)}


def number_of(login: str) -> int:
    """The number of an account."""
    return 1000 + sum(map(ord, login))


def _pull(world: World, pull: Pull, kind: str) -> dict[str, Any]:
    said = {
        "number": pull.number,
        "state": "closed" if pull.merged else pull.state,
        "title": pull.title,
        "body": pull.body,
        "html_url": f"{SITE}/{world.repository}/pull/{pull.number}",
        "user": user(world, pull.author),
        "merged_at": "2026-11-23T11:00:00Z" if pull.merged else None,
        "merge_commit_sha": pull.merge_commit,
        "head": {"sha": pull.head, "ref": pull.branch, "repo": {"full_name": pull.repository}},
        "base": {"ref": pull.base, "repo": {"full_name": world.repository}},
    }
    if kind == "pull-request":
        said |= {"merged": pull.merged, "merged_by": user(world, pull.merged_by) if pull.merged_by else None}
    return answer_of(kind, said)


def _issue(world: World, issue: Issue) -> dict[str, Any]:
    said = {
        "number": issue.number,
        "title": issue.title,
        "body": issue.body,
        "state": issue.state,
        "html_url": f"{SITE}/{world.repository}/issues/{issue.number}",
        "user": user(world, issue.author),
        "labels": [{"name": label} for label in issue.labels],
    }
    return answer_of("issue", said)


def _comment(world: World, comment: Comment) -> dict[str, Any]:
    said = {
        "id": comment.id,
        "body": comment.body,
        "html_url": f"{SITE}/{world.repository}/pull/{comment.issue}#issuecomment-{comment.id}",
        "user": user(world, comment.author),
    }
    return answer_of("issue-comment", said)


def _text(call: Call, name: str = "body") -> str:
    text = str(call.body.get(name, ""))
    if len(text) > LONGEST_BODY:
        raise Refused(422, "Validation Failed", errors=[_too_long()])
    return text


def _too_long() -> dict[str, str]:
    return {"resource": "IssueComment", "code": "custom", "field": "body", "message": "body is too long"}


def pulls_of_commit(call: Call) -> Any:
    found = call.world.brought.get(call.path[1], [])
    return 200, [_pull(call.world, call.world.pulls[number], "pull-request-simple") for number in found]


def pull_commits(call: Call) -> Any:
    pull = call.world.pulls[call.number(1)]
    found = pull.commits or [PullCommit(pull.head, pull.author, pull.author)]
    return 200, [_commit(call.world, one) for one in found]


def _commit(world: World, one: PullCommit) -> dict[str, Any]:
    committer = one.committer or one.author
    who = {"name": one.author or "x", "email": one.address or f"{one.author}@acme.example", "date": WHEN}
    said = {
        "sha": one.sha,
        "commit": {"message": one.message, "author": who, "committer": {**who, "name": committer or "x"}},
    }
    # GitHub sends null for somebody without an account; its description has an empty object as well.
    people = {role: user(world, login) for role, login in (("author", one.author), ("committer", committer)) if login}
    absent = {role: {} for role in ("author", "committer") if role not in people}
    return answer_of("commit", {**said, **people}) | absent


def pull(call: Call) -> Any:
    if call.number(1) not in call.world.pulls:
        raise Refused(404, "Not Found")
    return 200, _pull(call.world, call.world.pulls[call.number(1)], "pull-request")


def reviews(call: Call) -> Any:
    said = (
        {"id": number, "state": state, "commit_id": sha, "user": user(call.world, login)}
        for number, (login, state, sha) in enumerate(call.world.pulls[call.number(1)].reviews, start=1)
    )
    return 200, [answer_of("pull-request-review", review) for review in said]


def permission(call: Call) -> Any:
    level = call.world.permission.get(call.path[1])
    if level is None:
        raise Refused(404, "Not Found")
    found = answer_of("repository-collaborator-permission", {"permission": level, "role_name": level, "user": None})
    return 200, found | {
        "user": answer_of("nullable-collaborator", {"login": call.path[1], "id": number_of(call.path[1])})
    }


def team_members(call: Call) -> Any:
    """GitHub documentation, "List team members": those of child teams too; the team must be visible to the token."""
    organization, team = call.path[1], call.path[3]
    if organization != call.world.repository.partition("/")[0] or team not in call.world.teams:
        raise Refused(404, "Not Found")
    return 200, [answer_of("simple-user", user(call.world, login)) for login in call.world.teams[team]]


def activity(call: Call) -> Any:
    wanted = call.query.get("ref")
    return 200, [
        answer_of("activity", {"ref": ref, "after": after, "activity_type": "push", "actor": user(call.world, who)})
        for ref, after, who in call.world.pushes
        if ref == wanted
    ]


def approvals(call: Call) -> Any:
    """GitHub, "Get the review history for a workflow run": who said what of which environments of the run."""
    said = []
    for login, state, *names in call.world.approvals.get(call.number(2), []):
        environments = [{"name": name} for name in names or ["venafi-apply"]]
        given = {"state": state, "comment": "", "user": user(call.world, login), "environments": environments}
        said.append(answer_of("environment-approvals", given))
    return 200, said


def workflow_runs(call: Call) -> Any:
    name, branch, status = call.path[2], call.query.get("branch"), call.query.get("status")
    found = [
        run
        for run in call.world.runs
        if (run["path"].endswith(f"/{name}"), run["head_branch"], run["conclusion"]) == (True, branch, status)
    ]
    return 200, {"total_count": len(found), "workflow_runs": [answer_of("workflow-run", run) for run in found]}


def list_runs(call: Call) -> Any:
    """GitHub, "List workflow runs for a repository": a run of a pull request has the head of the pull request."""
    wanted = {name: call.query[name] for name in ("head_sha", "event") if name in call.query}
    found = [run for run in call.world.started if all(run[name] == value for name, value in wanted.items())]
    return 200, {
        "total_count": len(found),
        "workflow_runs": [
            answer_of(
                "workflow-run",
                {
                    "id": run["id"],
                    "event": run["event"],
                    "head_sha": run["head_sha"],
                    "repository": {"id": 4242},
                    "head_repository": {"id": run["head_repository"]},
                },
            )
            for run in found
        ],
    }


def list_artifacts(call: Call) -> Any:
    folder = call.world.artifacts
    assert folder is not None
    names = sorted(path.name for path in (folder / call.path[2]).glob("*"))
    kept = [name for name in names if call.query.get("name") in (None, name)]
    said = [
        {"id": int(call.path[2]) * 1000 + names.index(name), "name": name, "expired": call.world.expired}
        for name in kept
    ]
    return 200, {"total_count": len(said), "artifacts": [answer_of("artifact", one) for one in said]}


def every_artifact(call: Call) -> Any:
    """GitHub, "List artifacts for a repository": those of all runs, each with the run that made it."""
    folder = call.world.artifacts
    found = []
    for run in call.world.started:
        names = sorted(path.name for path in (folder / str(run["id"])).glob("*")) if folder is not None else []
        for name in names:
            if call.query.get("name") not in (None, name):
                continue
            made = {
                "id": run["id"],
                "repository_id": 4242,
                "head_repository_id": run["head_repository"],
                "head_branch": "change" if run["event"] == "pull_request" else "main",
                "head_sha": run["head_sha"],
            }
            number = run["id"] * 1000 + names.index(name)
            found.append({"id": number, "name": name, "expired": call.world.expired, "workflow_run": made})
    return 200, {"total_count": len(found), "artifacts": [answer_of("artifact", one) for one in found]}


def newest_comments(call: Call) -> Any:
    """GitHub, "List issue comments for a repository"."""
    assert (call.query.get("sort"), call.query.get("direction")) == ("created", "desc")
    return 200, [_comment(call.world, found) for found in sorted(call.world.comments.values(), key=lambda c: -c.id)]


def artifact_of(world: World, number: int) -> Path:
    """The folder of an artifact."""
    assert world.artifacts is not None
    run, place = divmod(number, 1000)
    return sorted((world.artifacts / str(run)).glob("*"))[place]


def create_check(call: Call) -> Any:
    """GitHub, "Create a check run": by the app that the token belongs to, which is that of GitHub Actions."""
    made = {**call.body, "id": 1 + len(call.world.checks), "app": "github-actions"}
    call.world.checks.append(made)
    return 201, _check_run(made)


def list_checks(call: Call) -> Any:
    """GitHub, "List check runs for a Git reference": `latest` is the newest of each name and app."""
    named = call.query.get("check_name")
    found = [made for made in call.world.checks if made["head_sha"] == call.path[1] and named in (None, made["name"])]
    if call.query.get("filter", "latest") == "latest":
        found = list({(made["name"], made["app"]): made for made in found}.values())
    return 200, {"total_count": len(found), "check_runs": [_check_run(made) for made in found]}


def _check_run(made: dict[str, Any]) -> dict[str, Any]:
    said = {name: made[name] for name in ("id", "name", "head_sha", "status", "conclusion")}
    page = f"{SITE}/acme/approvals/runs/{made['id']}"
    return answer_of(
        "check-run", {**said, "output": {**made["output"]}, "app": {"slug": made["app"]}, "html_url": page}
    )


def list_issues(call: Call) -> Any:
    state, label = call.query.get("state", "open"), call.query.get("labels")
    return 200, [
        _issue(call.world, issue)
        for issue in call.world.issues.values()
        if state in ("all", issue.state) and (label is None or label in issue.labels)
    ]


def create_issue(call: Call) -> Any:
    number = call.world.next_number()
    labels = [str(label) for label in call.body.get("labels", [])]
    call.world.issues[number] = Issue(number, str(call.body["title"]), _text(call), labels=labels)
    return 201, _issue(call.world, call.world.issues[number])


def change_issue(call: Call) -> Any:
    issue = call.world.issues[call.number(1)]
    issue.title = call.body.get("title", issue.title)
    issue.state = call.body.get("state", issue.state)
    issue.body = _text(call) if "body" in call.body else issue.body
    return 200, _issue(call.world, issue)


def list_comments(call: Call) -> Any:
    return 200, [_comment(call.world, found) for found in call.world.comments.values() if found.issue == call.number(1)]


def create_comment(call: Call) -> Any:
    made = Comment(call.world.next_comment(), call.number(1), _text(call))
    call.world.comments[made.id] = made
    return 201, _comment(call.world, made)


def change_comment(call: Call) -> Any:
    if call.number(2) not in call.world.comments:
        raise Refused(404, "Not Found")
    call.world.comments[call.number(2)].body = _text(call)
    return 200, _comment(call.world, call.world.comments[call.number(2)])


def delete_comment(call: Call) -> Any:
    del call.world.comments[call.number(2)]
    return 204, None


def list_pulls(call: Call) -> Any:
    head, base = call.query.get("head", ":"), call.query.get("base")
    branch = head.partition(":")[2]
    return 200, [
        _pull(call.world, pull, "pull-request-simple")
        for pull in call.world.pulls.values()
        if pull.state == "open" and not pull.merged and pull.branch == branch and base in (None, pull.base)
    ]


def create_pull(call: Call) -> Any:
    number = call.world.next_number()
    made = Pull(
        number,
        BOT,
        "0" * 40,
        base=str(call.body["base"]),
        branch=str(call.body["head"]),
        title=str(call.body["title"]),
        body=_text(call),
        reviews=list(call.world.reviews_to_come),
    )
    call.world.pulls[number] = made
    return 201, _pull(call.world, made, "pull-request")


def change_pull(call: Call) -> Any:
    pull = call.world.pulls[call.number(1)]
    pull.title, pull.body = call.body.get("title", pull.title), call.body.get("body", pull.body)
    return 200, _pull(call.world, pull, "pull-request")


Answer = Callable[[Call], Any]
ROUTES: dict[tuple[str, str], tuple[Answer, dict[str, str]]] = {
    ("GET", "commits/*/pulls"): (pulls_of_commit, {"contents": "read"}),
    ("GET", "pulls/*"): (pull, {"pull-requests": "read"}),
    ("GET", "pulls/*/commits"): (pull_commits, {"pull-requests": "read"}),
    ("GET", "pulls/*/reviews"): (reviews, {"pull-requests": "read"}),
    ("GET", "collaborators/*/permission"): (permission, {}),
    ("GET", "orgs/*/teams/*/members"): (team_members, {"members": "read"}),
    ("GET", "activity"): (activity, {"contents": "read"}),
    ("GET", "actions/runs/*/approvals"): (approvals, {"actions": "read"}),
    ("GET", "actions/workflows/*/runs"): (workflow_runs, {"actions": "read"}),
    ("GET", "actions/runs"): (list_runs, {"actions": "read"}),
    ("GET", "actions/runs/*/artifacts"): (list_artifacts, {"actions": "read"}),
    ("GET", "actions/artifacts"): (every_artifact, {"actions": "read"}),
    ("POST", "check-runs"): (create_check, {"checks": "write"}),
    ("GET", "commits/*/check-runs"): (list_checks, {"checks": "read"}),
    ("GET", "issues/comments"): (newest_comments, {"issues": "read", "pull-requests": "read"}),
    ("GET", "issues"): (list_issues, {"issues": "read"}),
    ("POST", "issues"): (create_issue, {"issues": "write"}),
    ("PATCH", "issues/*"): (change_issue, {"issues": "write"}),
    ("GET", "issues/*/comments"): (list_comments, {"issues": "read", "pull-requests": "read"}),
    ("POST", "issues/*/comments"): (create_comment, {"issues": "write", "pull-requests": "write"}),
    ("PATCH", "issues/comments/*"): (change_comment, {"issues": "write", "pull-requests": "write"}),
    ("DELETE", "issues/comments/*"): (delete_comment, {"issues": "write", "pull-requests": "write"}),
    ("GET", "pulls"): (list_pulls, {"pull-requests": "read"}),
    ("POST", "pulls"): (create_pull, {"pull-requests": "write"}),
    ("PATCH", "pulls/*"): (change_pull, {"pull-requests": "write"}),
    **settings.ROUTES,
}
"""Each call with the permissions of which one is needed (GitHub, "Permissions required for fine-grained tokens")."""
