"""What a repository on GitHub must be set to: each setting once, how to look at it and the `gh` calls that make it so.

Sources: GitHub documentation, REST API: "Rules", "Deployment environments", "Deployment branch policies", "Variables",
"GitHub Actions permissions", "GitHub Actions OIDC", "Code owners errors"; GitHub CLI manual, "gh api", "gh variable".
"""

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from reconciler.codec import Json, canonical
from reconciler.github.client import GitHub, GitHubFailure
from reconciler.github.wire import Wire, member, number, objects, text

CLAIMS = ("repository_id", "environment", "job_workflow_ref")
"""What the subject of a job is made of: nothing that a pull request can produce or a stranger take over."""
PLANNING, APPLYING, URGENT = ("plan", "import"), ("apply",), ("emergency",)
"""The called workflows whose jobs use each environment; the first job of an emergency uses that of plans, too."""
LEAST_DAYS = 30
"""Artifacts must outlive a pull request: apply holds its plan against the one that the reviewers saw."""
_UNSEEN = frozenset({401, 403, 404})
_CALLED = re.compile(r"uses:\s*([\w.-]+/[\w.-]+)/\.github/workflows/(plan|apply)\.yml@(\S+)")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_OWNERS = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")


@dataclass(frozen=True, slots=True)
class Names:
    """How branches, environments and the required check are called. `check` is caller and called job."""

    branch: str = "main"
    ledger_branch: str = "reconciler-ledger"
    plan: str = "venafi-plan"
    apply: str = "venafi-apply"
    check: str = "Gate / Gate"
    emergency: str = "venafi-emergency"


@dataclass(frozen=True, slots=True)
class WantedSetup:
    """What the guide asks for. `called` is the repository of the reusable workflows and their commit, if known.

    `clients` are client id and scope per environment, where they are to be variables of it. `emergency` says that two
    people may decide at once, so that there is an environment that one of them approves.
    """

    repository: str
    names: Names = Names()
    reviewers: int = 1
    server: str = ""
    oidc: bool = True
    clients: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    called: tuple[str, str] | None = None
    emergency: bool = False

    @property
    def environments(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Return each environment with the called workflows whose jobs use it."""
        plan, apply = (self.names.plan, PLANNING), (self.names.apply, APPLYING)
        if not self.emergency:
            return plan, apply
        return (plan[0], (*PLANNING, *URGENT)), apply, (self.names.emergency, URGENT)


class SettingState(StrEnum):
    """Whether a setting is as it should be."""

    OK = "ok"
    MISSING = "missing"
    UNSEEN = "cannot be seen"


@dataclass(frozen=True, slots=True)
class SettingFinding:
    """What one setting is found to be. `place` is where it is set by hand, `commands` what sets it."""

    name: str
    state: SettingState
    says: str
    place: str = ""
    commands: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Setting:
    """One setting. `look` returns what is wrong with it, nothing when all is well; `right` is what is said then."""

    name: str
    right: str
    place: str
    look: Callable[[GitHub], list[str]]
    commands: tuple[str, ...]
    who: str = "an administrator of the repository"


def examine_repository(github: GitHub, wanted: WantedSetup, checkout: Path | None = None) -> Iterator[SettingFinding]:
    """Look at every setting and yield what it is. What the token may not see is said, and is no fault.

    `checkout` is a work tree whose own files are looked at, None for none. Raises GitHubFailure when GitHub can't be
    asked at all.
    """
    github.get("")
    for setting in _settings(wanted):
        try:
            wrong = setting.look(github)
        except GitHubFailure as fault:
            if github.spent or fault.status not in _UNSEEN:
                raise
            says = f"GitHub answered {fault.status}: {setting.who} can see it"
            yield SettingFinding(setting.name, SettingState.UNSEEN, says, setting.place, setting.commands)
            continue
        state, says = (SettingState.MISSING, "; ".join(wrong)) if wrong else (SettingState.OK, setting.right)
        yield SettingFinding(setting.name, state, says, *((setting.place, setting.commands) if wrong else ()))
    yield from _of_checkout(checkout)


def setup_script(wanted: WantedSetup) -> str:
    """Return a script for sh that sets everything with the GitHub CLI. Running it again is no harm."""
    lines = [
        "#!/bin/sh",
        f"# Sets up {wanted.repository} for the reconciler. It needs the GitHub CLI, logged in as an administrator.",
        "# Running it again is no harm: rules are made once, everything else is set to the same.",
        "set -eu",
        "",
    ]
    for setting in _settings(wanted):
        lines += [f"# {setting.name}: {setting.right}", *setting.commands, ""]
    lines += [
        "# By hand, because there is no documented call for it:",
        *(
            f"# - {_place_of(name)}: take the tick off `Allow administrators to bypass configured protection rules`"
            for name, _ in wanted.environments
        ),
        *(
            []
            if wanted.oidc
            else [
                f"gh secret set TPP_TOKEN --repo {_quoted(wanted.repository)} --env {_quoted(name)}"
                for name, _ in wanted.environments
            ]
        ),
    ]
    if wanted.oidc:
        lines += [
            "",
            "# What the JWT mappings of TPP must match (IdMatch), one for each environment:",
            *_subjects(wanted),
        ]
    return "\n".join(lines) + "\n"


def subject_pattern(repository_id: str, environment: str, called: str, workflows: tuple[str, ...], commit: str) -> str:
    """Return the expression for the subjects of one environment's jobs, in some workflows at the one commit."""
    named = workflows[0] if len(workflows) == 1 else f"({'|'.join(workflows)})"
    path = f"{called}/.github/workflows/".replace(".", r"\.")
    return rf"^repository_id:{repository_id}:environment:{environment}:job_workflow_ref:{path}{named}\.yml@{commit}$"


def called_workflows(checkout: Path) -> tuple[tuple[str, str], ...]:
    """Return the repositories and commits at which the work tree's workflows call plan and apply, each once."""
    found = set()
    for path in sorted((checkout / ".github" / "workflows").glob("*.y*ml")):
        if path.is_file() and not path.is_symlink():
            found |= {
                (where, ref) for where, _, ref in _CALLED.findall(path.read_text(encoding="utf-8", errors="replace"))
            }
    return tuple(sorted(found))


# The settings


def _settings(wanted: WantedSetup) -> Iterator[_Setting]:
    yield _branch_rules(wanted)
    yield _ledger_rules(wanted)
    pulls = "refs/pull/*/merge"
    yield _environment(wanted, wanted.names.plan, (wanted.names.branch, pulls))
    yield _environment(wanted, wanted.names.apply, (wanted.names.branch,))
    if wanted.emergency:
        yield _environment(wanted, wanted.names.emergency, (wanted.names.branch,), approved=True)
    for environment, _ in wanted.environments:
        yield from _variables(wanted, environment)
    yield _workflow_permissions(wanted)
    yield _retention(wanted)
    yield _code_owners(wanted)
    if wanted.oidc:
        yield _subject(wanted)


def _branch_rules(wanted: WantedSetup) -> _Setting:
    def look(github: GitHub) -> list[str]:
        rules = _rules(github, wanted.names.branch)
        pull, checks = rules.get("pull_request"), rules.get("required_status_checks")
        wrong = []
        if pull is None:
            wrong.append("no pull request is required")
        else:
            asked = max((number(one, "required_approving_review_count") or 0 for one in pull), default=0)
            wrong += [f"{asked} approvals are required, not {wanted.reviewers}"] if asked < wanted.reviewers else []
            wrong += [
                said
                for name, said in (
                    ("dismiss_stale_reviews_on_push", "new commits do not dismiss approvals"),
                    ("require_last_push_approval", "whoever pushes last may approve"),
                    ("require_code_owner_review", "code owners need not review"),
                )
                if not any(member(one, name) is True for one in pull)
            ]
        contexts = [
            text(one, "context") for rule in checks or () for one in objects(member(rule, "required_status_checks"))
        ]
        if wanted.names.check not in contexts:
            wrong.append(
                f"the check {wanted.names.check!r} is not required"
                + (f", only {', '.join(contexts)}" if contexts else "")
            )
        return wrong + _unprotected(rules)

    rules: list[Json] = [
        {
            "type": "pull_request",
            "parameters": {
                "required_approving_review_count": wanted.reviewers,
                "dismiss_stale_reviews_on_push": True,
                "require_code_owner_review": True,
                "require_last_push_approval": True,
                "required_review_thread_resolution": False,
            },
        },
        {
            "type": "required_status_checks",
            "parameters": {
                "strict_required_status_checks_policy": False,
                "required_status_checks": [{"context": wanted.names.check}],
            },
        },
        *_NO_REWRITING,
    ]
    return _Setting(
        f"rules of {wanted.names.branch}",
        f"reviewed pull requests only, with the check {wanted.names.check!r}",
        "Settings > Rules > Rulesets",
        look,
        _ruleset(wanted, f"reconciler: {wanted.names.branch}", wanted.names.branch, rules),
    )


def _ledger_rules(wanted: WantedSetup) -> _Setting:
    return _Setting(
        f"rules of {wanted.names.ledger_branch}",
        "it is only added to",
        "Settings > Rules > Rulesets",
        lambda github: _unprotected(_rules(github, wanted.names.ledger_branch)),
        _ruleset(wanted, f"reconciler: {wanted.names.ledger_branch}", wanted.names.ledger_branch, list(_NO_REWRITING)),
    )


_NO_REWRITING: tuple[Json, ...] = ({"type": "non_fast_forward"}, {"type": "deletion"})


def _rules(github: GitHub, branch: str) -> dict[str, list[object]]:
    """Return the parameters of the rules that hold for a branch, by type: several rulesets may add to each other."""
    found: dict[str, list[object]] = {}
    for rule in github.every(f"/rules/branches/{branch}"):
        found.setdefault(text(rule, "type"), []).append(member(rule, "parameters"))
    return found


def _unprotected(rules: Mapping[str, object]) -> list[str]:
    said = {"non_fast_forward": "it can be rewritten (force push)", "deletion": "it can be deleted"}
    return [wrong for rule, wrong in said.items() if rule not in rules]


def _environment(wanted: WantedSetup, name: str, branches: tuple[str, ...], *, approved: bool = False) -> _Setting:
    """Return the setting of an environment; with `approved` its jobs wait for a second person."""

    def look(github: GitHub) -> list[str]:
        try:
            wire = github.get(f"/environments/{name}")
        except GitHubFailure as fault:
            if fault.status != 404:
                raise
            return ["there is no such environment"]
        wrong = []
        if member(wire, "deployment_branch_policy", "custom_branch_policies") is not True:
            wrong.append("every branch may use it")
        else:
            listed = github.every(f"/environments/{name}/deployment-branch-policies", key="branch_policies")
            there = {text(policy, "name") for policy in listed}
            wrong += [f"{branch} may not use it" for branch in branches if branch not in there]
            wrong += [f"{branch} may use it" for branch in sorted(there - set(branches))]
        if member(wire, "can_admins_bypass") is True:
            wrong.append("administrators may bypass its rules: take that tick off")
        return wrong + (_without_second_person(wire) if approved else [])

    of_branches: Json = {"protected_branches": False, "custom_branch_policies": True}
    policy: dict[str, Json] = {"deployment_branch_policy": of_branches}
    path = f"environments/{name}"
    put = _api(wanted, "PUT", path, policy)
    if approved:  # the reviewers are not in the configuration: whoever runs the script names their team
        body = canonical({**policy, "prevent_self_review": True, "reviewers": [{"id": 0, "type": "Team"}]}).decode()
        before, _, after = body.partition('"id":0')
        team = '"${REVIEWERS:?set it to the number of a team: gh api orgs/ORG/teams/TEAM --jq .id}"'
        given = f"""{_quoted(before + '"id":')}{team}{_quoted(after)}"""
        put = f"printf %s {given} |\n  gh api --silent --method PUT {_quoted(_full(wanted, path))} --input -"
    return _Setting(
        f"environment {name}",
        "only for " + " and ".join(branches) + (", once somebody else has approved" if approved else ""),
        _place_of(name),
        look,
        (
            put,
            *(
                f"{_list(wanted, f'{path}/deployment-branch-policies', '.branch_policies[].name')} | "
                f"grep -qxF {_quoted(branch)} ||\n  "
                f"gh api --silent --method POST {_quoted(_full(wanted, f'{path}/deployment-branch-policies'))} "
                f"-f {_quoted(f'name={branch}')} -f type=branch"
                for branch in branches
            ),
        ),
    )


def _without_second_person(wire: Wire) -> list[str]:
    """Return why one person alone could start a job and let it go on.

    GitHub has required reviewers for private repositories with GitHub Enterprise only (GitHub Docs, "Deployments and
    environments").
    """
    rules = [rule for rule in objects(member(wire, "protection_rules")) if text(rule, "type") == "required_reviewers"]
    if not any(objects(member(rule, "reviewers")) for rule in rules):
        return [
            "nobody has to approve it: where that can't be set, call emergency.yml with second-person: pull-request"
        ]
    alone = not any(member(rule, "prevent_self_review") is True for rule in rules)
    return ["who starts it may approve it"] if alone else []


def _variables(wanted: WantedSetup, environment: str) -> Iterator[_Setting]:
    client, scope = wanted.clients.get(environment, ("", ""))
    values = {"TPP_URL": wanted.server, "TPP_CLIENT_ID": client, "TPP_SCOPE": scope}
    for name, value in values.items():
        if not value and name != "TPP_URL":
            continue

        def look(github: GitHub, name: str = name, value: str = value) -> list[str]:
            found = {
                text(wire, "name"): text(wire, "value")
                for wire in github.every(f"/environments/{environment}/variables", key="variables")
            }
            if name not in found:
                return ["it is not set"]
            return [f"it says {found[name]!r}, not {value!r}"] if value and found[name] != value else []

        body = _quoted(value) if value else '"${TPP_URL:?set it to the address of TPP}"'
        yield _Setting(
            f"{name} in {environment}",
            f"it says {value}" if value else "it is set",
            f"{_place_of(environment)} > Environment variables",
            look,
            (f"gh variable set {name} --repo {_quoted(wanted.repository)} --env {_quoted(environment)} --body {body}",),
            "a collaborator",
        )


def _workflow_permissions(wanted: WantedSetup) -> _Setting:
    def look(github: GitHub) -> list[str]:
        wire = github.get("/actions/permissions/workflow")
        default = text(wire, "default_workflow_permissions")
        wrong = [f"jobs that ask for nothing get {default}"] if default != "read" else []
        if member(wire, "can_approve_pull_request_reviews") is not True:
            wrong.append("import can't open its pull request, unless it has the key of a GitHub App")
        return wrong

    return _Setting(
        "workflow permissions",
        "jobs that ask for nothing may only read, and Actions may create pull requests",
        "Settings > Actions > General > Workflow permissions",
        look,
        (
            f"gh api --silent --method PUT {_quoted(_full(wanted, 'actions/permissions/workflow'))} "
            "-f default_workflow_permissions=read -F can_approve_pull_request_reviews=true",
        ),
    )


def _retention(wanted: WantedSetup) -> _Setting:
    def look(github: GitHub) -> list[str]:
        days = number(github.get("/actions/permissions/artifact-and-log-retention"), "days") or 0
        return (
            [f"artifacts are kept for {days} days, and with them the plans that reviewers saw"]
            if days < LEAST_DAYS
            else []
        )

    path = _quoted(_full(wanted, "actions/permissions/artifact-and-log-retention"))
    return _Setting(
        "artifact retention",
        f"at least {LEAST_DAYS} days",
        "Settings > Actions > General > Artifact and log retention",
        look,
        (f"gh api --silent --method PUT {path} -F days=90",),
    )


def _code_owners(wanted: WantedSetup) -> _Setting:
    def look(github: GitHub) -> list[str]:
        try:
            wire = github.get("/codeowners/errors", ref=wanted.names.branch)
        except GitHubFailure as fault:
            if fault.status != 404:
                raise
            return [f"{wanted.names.branch} has no CODEOWNERS"]
        return [
            f"{text(error, 'path')}:{number(error, 'line')}: {text(error, 'kind')}"
            for error in objects(member(wire, "errors"))
        ]

    return _Setting(
        "code owners",
        "GitHub finds no fault in CODEOWNERS",
        ".github/CODEOWNERS",
        look,
        ("# .github/CODEOWNERS comes with `reconciler init`; its owners need write access to the repository",),
    )


def _subject(wanted: WantedSetup) -> _Setting:
    def look(github: GitHub) -> list[str]:
        wire = github.get("/actions/oidc/customization/sub")
        if member(wire, "use_default") is not False:
            return ["the subject has GitHub's default form, with names only"]
        keys = member(wire, "include_claim_keys")
        return [] if keys == list(CLAIMS) else [f"the subject is made of {keys}, not of {list(CLAIMS)}"]

    claims: Json = {"use_default": False, "include_claim_keys": list(CLAIMS)}
    return _Setting(
        "OIDC subject",
        "made of " + ", ".join(CLAIMS),
        "by the API only",
        look,
        (_api(wanted, "PUT", "actions/oidc/customization/sub", claims),),
    )


# Files of the work tree


def _of_checkout(checkout: Path | None) -> Iterator[SettingFinding]:
    owners = next((checkout / name for name in _OWNERS if (checkout / name).is_file()), None) if checkout else None
    if checkout is None or owners is None:
        yield SettingFinding(
            "owner of everything", SettingState.UNSEEN, "no CODEOWNERS here: run it in a checkout of the repository"
        )
    else:
        lines = [line.split() for line in owners.read_text(encoding="utf-8", errors="replace").splitlines()]
        owned = any(words[0] == "*" and len(words) > 1 for words in lines if words)
        says = "every file has an owner" if owned else "files that no line names have no owner: a file can be a program"
        yield SettingFinding(
            "owner of everything",
            SettingState.OK if owned else SettingState.MISSING,
            says,
            "" if owned else str(owners),
        )
    called = called_workflows(checkout) if checkout else ()
    if not called:
        says = "no workflow here calls plan.yml and apply.yml: run it in a checkout of the repository"
        yield SettingFinding("called workflows", SettingState.UNSEEN, says)
        return
    loose = [ref for _, ref in called if not _COMMIT.fullmatch(ref)]
    wrong = [f"{ref} can move: name a commit" for ref in loose]
    wrong += ["they are called at different commits"] if len(called) > 1 else []
    says = "; ".join(wrong) or f"{called[0][0]} at {called[0][1]}"
    yield SettingFinding(
        "called workflows",
        SettingState.MISSING if wrong else SettingState.OK,
        says,
        ".github/workflows/" if wrong else "",
    )


# Lines for a shell


def _place_of(environment: str) -> str:
    return f"Settings > Environments > {environment}"


def _full(wanted: WantedSetup, path: str) -> str:
    return f"repos/{wanted.repository}/{path}"


def _api(wanted: WantedSetup, method: str, path: str, body: Json) -> str:
    given = _quoted(canonical(body).decode())
    return f"printf %s {given} |\n  gh api --silent --method {method} {_quoted(_full(wanted, path))} --input -"


def _list(wanted: WantedSetup, path: str, what: str) -> str:
    return f"gh api {_quoted(_full(wanted, path))} --jq {_quoted(what)}"


def _ruleset(wanted: WantedSetup, name: str, branch: str, rules: list[Json]) -> tuple[str, ...]:
    body: Json = {
        "name": name,
        "target": "branch",
        "enforcement": "active",
        "conditions": {"ref_name": {"include": [f"refs/heads/{branch}"], "exclude": []}},
        "rules": rules,
    }
    made = _api(wanted, "POST", "rulesets", body)
    return (f"{_list(wanted, 'rulesets', '.[].name')} | grep -qxF {_quoted(name)} ||\n  {{ {made}; }}",)


def _subjects(wanted: WantedSetup) -> Iterator[str]:
    yield f"id=$(gh api {_quoted(f'repos/{wanted.repository}')} --jq .id)"
    where, commit = wanted.called or ("OWNER/tpp-reconciler", "COMMIT")
    for environment, workflows in wanted.environments:
        before, after = subject_pattern("|", environment, where, workflows, commit).split("|", 1)
        yield f'printf "%s%s%s\\n" {_quoted(before)} "$id" {_quoted(after)}'


def _quoted(word: str) -> str:
    return shlex.quote(word)
