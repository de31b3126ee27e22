"""The settings of a repository as GitHub keeps them, and its answers to those who read or change them.

Sources: GitHub documentation, REST API: "Rules", "Deployment environments", "Deployment branch policies", "Variables",
"GitHub Actions permissions", "GitHub Actions OIDC"; who may see what: "Permissions required for fine-grained tokens".
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.github.description import answer_of
from tests.github.refused import Refused

if TYPE_CHECKING:
    from tests.github.answers import Call

ADMINISTRATOR = {"administration": "write", "actions": "write", "environments": "write", "contents": "write"}


@dataclass
class Settings:
    """A repository as GitHub makes it: nothing is protected, everybody may use everything."""

    rulesets: list[dict[str, Any]] = field(default_factory=list)
    environments: dict[str, dict[str, Any]] = field(default_factory=dict)
    policies: dict[str, list[str]] = field(default_factory=dict)
    variables: dict[str, dict[str, str]] = field(default_factory=dict)
    workflow: dict[str, Any] = field(
        default_factory=lambda: {"default_workflow_permissions": "read", "can_approve_pull_request_reviews": False}
    )
    days: int = 90
    subject: dict[str, Any] = field(default_factory=lambda: {"use_default": True})
    code_owners: list[dict[str, Any]] | None = None
    """The faults of CODEOWNERS, None when there is no such file."""
    admins_bypass: bool = True


def repository(call: "Call") -> Any:
    return 200, answer_of("full-repository", {"id": 4242, "full_name": call.world.repository})


def rules(call: "Call") -> Any:
    ref = f"refs/heads/{call.path[2]}"
    return 200, [
        {**rule, "ruleset_source_type": "Repository", "ruleset_source": call.world.repository, "ruleset_id": number}
        for number, ruleset in enumerate(call.world.settings.rulesets, start=1)
        if ruleset["enforcement"] == "active" and ref in ruleset["conditions"]["ref_name"]["include"]
        for rule in ruleset["rules"]
    ]


def list_rulesets(call: "Call") -> Any:
    return 200, [_ruleset(number, ruleset) for number, ruleset in enumerate(call.world.settings.rulesets, start=1)]


def create_ruleset(call: "Call") -> Any:
    kept = call.world.settings.rulesets
    if call.body["name"] in {ruleset["name"] for ruleset in kept}:
        raise Refused(422, "Validation Failed", errors=["Name must be unique"])
    kept.append(call.body)
    return 201, _ruleset(len(kept), call.body)


def _ruleset(number: int, ruleset: dict[str, Any]) -> dict[str, Any]:
    return answer_of(
        "repository-ruleset", {"id": number, "name": ruleset["name"], "source": "x", "enforcement": "active"}
    )


def environment(call: "Call") -> Any:
    found = call.world.settings.environments.get(call.path[1])
    if found is None:
        raise Refused(404, "Not Found")
    bypass = {"can_admins_bypass": call.world.settings.admins_bypass}
    kept = {name: value for name, value in found.items() if name == "deployment_branch_policy"}
    said = answer_of("environment", {"name": call.path[1], **kept, **bypass})
    return 200, {**said, **bypass, "protection_rules": _protection(found)}


def _protection(found: dict[str, Any]) -> list[dict[str, Any]]:
    """GitHub, "Get an environment": what was put as `reviewers` is told as a rule."""
    given = found.get("reviewers") or []
    if not given:
        return []
    who = [{"type": one["type"], "reviewer": answer_of(one["type"].lower(), {"id": one["id"]})} for one in given]
    rule = {"id": 1, "node_id": "x", "type": "required_reviewers", "reviewers": who}
    return [{**rule, "prevent_self_review": found.get("prevent_self_review", False)}]


def put_environment(call: "Call") -> Any:
    call.world.settings.environments[call.path[1]] = call.body
    return environment(call)


def policies(call: "Call") -> Any:
    names = call.world.settings.policies.get(call.path[1], [])
    listed = [{"id": number, "node_id": "x", "name": name, "type": "branch"} for number, name in enumerate(names, 1)]
    return 200, {"total_count": len(listed), "branch_policies": listed}


def add_policy(call: "Call") -> Any:
    kept = call.world.settings.policies.setdefault(call.path[1], [])
    custom = call.world.settings.environments[call.path[1]]["deployment_branch_policy"]["custom_branch_policies"]
    if not custom or call.body["name"] in kept:
        raise Refused(404 if not custom else 303, "Not Found")
    kept.append(call.body["name"])
    return 200, {"id": len(kept), "node_id": "x", "name": call.body["name"], "type": "branch"}


def variables(call: "Call") -> Any:
    kept = call.world.settings.variables.get(call.path[1], {})
    listed = [answer_of("actions-variable", {"name": name, "value": value}) for name, value in kept.items()]
    return 200, {"total_count": len(listed), "variables": listed}


def set_variable(call: "Call") -> Any:
    call.world.settings.variables.setdefault(call.path[1], {})[call.body["name"]] = call.body["value"]
    return 201, {}


def workflow_permissions(call: "Call") -> Any:
    return 200, call.world.settings.workflow


def put_workflow_permissions(call: "Call") -> Any:
    call.world.settings.workflow |= call.body
    return 204, None


def retention(call: "Call") -> Any:
    return 200, {"days": call.world.settings.days, "maximum_allowed_days": 90}


def put_retention(call: "Call") -> Any:
    call.world.settings.days = call.body["days"]
    return 204, None


def subject(call: "Call") -> Any:
    return 200, call.world.settings.subject


def put_subject(call: "Call") -> Any:
    call.world.settings.subject = call.body
    return 201, {}


def code_owners(call: "Call") -> Any:
    if call.world.settings.code_owners is None:
        raise Refused(404, "Not Found")
    return 200, {"errors": call.world.settings.code_owners}


ROUTES = {
    ("GET", ""): (repository, {}),
    ("GET", "rules/branches/*"): (rules, {}),
    ("GET", "rulesets"): (list_rulesets, {}),
    ("POST", "rulesets"): (create_ruleset, {"administration": "write"}),
    ("GET", "environments/*"): (environment, {"actions": "read"}),
    ("PUT", "environments/*"): (put_environment, {"administration": "write"}),
    ("GET", "environments/*/deployment-branch-policies"): (policies, {"actions": "read"}),
    ("POST", "environments/*/deployment-branch-policies"): (add_policy, {"administration": "write"}),
    ("GET", "environments/*/variables"): (variables, {"environments": "read"}),
    ("POST", "environments/*/variables"): (set_variable, {"environments": "write"}),
    ("GET", "actions/permissions/workflow"): (workflow_permissions, {"administration": "read"}),
    ("PUT", "actions/permissions/workflow"): (put_workflow_permissions, {"administration": "write"}),
    ("GET", "actions/permissions/artifact-and-log-retention"): (retention, {"administration": "read"}),
    ("PUT", "actions/permissions/artifact-and-log-retention"): (put_retention, {"administration": "write"}),
    ("GET", "actions/oidc/customization/sub"): (subject, {"actions": "read"}),
    ("PUT", "actions/oidc/customization/sub"): (put_subject, {"actions": "write"}),
    ("GET", "codeowners/errors"): (code_owners, {"contents": "read"}),
}
