"""Cuts GitHub's OpenAPI description down to the calls that the reconciler makes.

npm install @octokit/openapi@23.0.2
python tests/data/cut_github_openapi.py node_modules/@octokit/openapi tests/data/github-openapi.json
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

REPOSITORY = "/repos/{owner}/{repo}"
CALLS = {
    "": {"get"},
    "/actions/artifacts": {"get"},
    "/actions/oidc/customization/sub": {"get", "put"},
    "/actions/permissions/artifact-and-log-retention": {"get", "put"},
    "/actions/permissions/workflow": {"get", "put"},
    "/actions/artifacts/{artifact_id}/{archive_format}": {"get"},
    "/actions/runs": {"get"},
    "/actions/runs/{run_id}/approvals": {"get"},
    "/actions/runs/{run_id}/artifacts": {"get"},
    "/actions/workflows/{workflow_id}/runs": {"get"},
    "/activity": {"get"},
    "/check-runs": {"post"},
    "/codeowners/errors": {"get"},
    "/collaborators/{username}/permission": {"get"},
    "/commits/{commit_sha}/pulls": {"get"},
    "/commits/{ref}": {"get"},
    "/commits/{ref}/check-runs": {"get"},
    "/environments/{environment_name}": {"get", "put"},
    "/environments/{environment_name}/deployment-branch-policies": {"get", "post"},
    "/environments/{environment_name}/variables": {"get", "post"},
    "/issues": {"get", "post"},
    "/issues/comments": {"get"},
    "/issues/comments/{comment_id}": {"patch", "delete"},
    "/issues/{issue_number}": {"patch"},
    "/issues/{issue_number}/comments": {"get", "post"},
    "/pulls": {"get", "post"},
    "/pulls/{pull_number}": {"get", "patch"},
    "/pulls/{pull_number}/commits": {"get"},
    "/pulls/{pull_number}/reviews": {"get"},
    "/rules/branches/{branch}": {"get"},
    "/rulesets": {"get", "post"},
}
OF_TEAMS = "/orgs/{org}/teams/{team_slug}/members"
NOISE = {"examples", "example", "x-github", "externalDocs", "description", "summary", "tags"}


def cut(whole: Mapping[str, object]) -> dict[str, object]:
    calls = {REPOSITORY + path: kept for path, kept in CALLS.items()} | {OF_TEAMS: {"get"}}
    paths = {path: _methods(whole["paths"][path], kept) for path, kept in calls.items()}
    components: dict[str, dict[str, object]] = {}
    waiting = list(_references(paths))
    while waiting:
        reference = waiting.pop()
        _, _, kind, name = reference.split("/")
        if name not in components.setdefault(kind, {}):
            components[kind][name] = _quiet(whole["components"][kind][name])
            waiting.extend(_references(components[kind][name]))
    return {
        "openapi": whole["openapi"],
        "info": {"title": "GitHub's REST API, cut to the calls of the reconciler", "version": whole["info"]["version"]},
        "servers": [{"url": "http://127.0.0.1"}],
        "paths": paths,
        "components": {kind: dict(sorted(named.items())) for kind, named in sorted(components.items())},
    }


def _methods(path: Mapping[str, object], kept: set[str]) -> dict[str, object]:
    return {name: _quiet(value) for name, value in path.items() if name in kept or name == "parameters"}


def _quiet(value: object, *, named: bool = False) -> object:
    """Leave prose and examples out; below `properties` every name is a name, whatever it reads."""
    if isinstance(value, dict):
        return {
            name: _quiet(item, named=name == "properties")
            for name, item in value.items()
            if named or name not in NOISE or (name == "description" and "content" in value)
        }
    return [_quiet(item) for item in value] if isinstance(value, list) else value


def _references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)


def main(package: Path, target: Path) -> None:
    whole = json.loads((package / "generated" / "api.github.com.json").read_text(encoding="utf-8"))
    slim = cut(whole)
    for path in slim["paths"].values():
        for method, operation in path.items():
            if method != "parameters":
                for status, response in operation["responses"].items():
                    response.setdefault("description", status) if "$ref" not in response else None
    for name, response in slim["components"].get("responses", {}).items():
        response.setdefault("description", name)
    notice = " ".join((package / "LICENSE").read_text(encoding="utf-8").split())
    slim["info"]["x-notice"] = f"From npm @octokit/openapi. {notice}"
    target.write_text(json.dumps(slim, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
