"""What GitHub must be set to for a configuration, and whether it is."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from reconciler.errors import CredentialsRefused, InvalidInput
from reconciler.github.actions import token_from
from reconciler.github.client import GitHub
from reconciler.github.git import GitFailure, git_from
from reconciler.github.setup import Names, SettingFinding, WantedSetup, called_workflows, examine_repository
from reconciler.model.decision import Problem, Source
from reconciler.model.settings import AuthMethod, Settings
from reconciler.ports import Clock

_REMOTE = re.compile(r"(?:https://[^/]+/|git@[^:]+:|ssh://git@[^/]+/)([\w.-]+/[\w.-]+?)(?:\.git)?/?")
_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")


def wanted_setup(
    repository: str, settings: Settings, names: Names, called: tuple[str, str] | None = None
) -> WantedSetup:
    """Return what a repository must be set to. Raises InvalidInput for what is no repository."""
    if not _REPOSITORY.fullmatch(repository):
        raise InvalidInput((_no_repository(f"{repository!r} is no repository", "write OWNER/NAME"),))
    four_eyes = settings.policy.four_eyes
    return WantedSetup(
        repository,
        names,
        reviewers=four_eyes.reviewers if four_eyes else 1,
        server=settings.server or "",
        oidc=all(auth.method is AuthMethod.GITHUB_OIDC for auth in settings.auth.ways.values()),
        called=called,
        emergency=settings.policy.emergency is not None,
    )


def examine_setup(
    repository: str | None, settings: Settings, names: Names, environ: Mapping[str, str], clock: Clock
) -> Iterator[SettingFinding]:
    """Look at the settings of a repository, by default that of this checkout, and at the checkout's own files.

    Raises InvalidInput without a repository, CredentialsRefused without a token, GitHubFailure.
    """
    here = Path()
    wanted = wanted_setup(
        repository or _of_checkout(environ), settings, names, next(iter(called_workflows(here)), None)
    )
    token = token_from(environ)
    if not token:
        raise CredentialsRefused("no token for GitHub was handed over", "run it with GITHUB_TOKEN=$(gh auth token)")
    github = GitHub.open(environ.get("GITHUB_API_URL", "https://api.github.com"), wanted.repository, token, clock)
    yield from examine_repository(github, wanted, here)


def _of_checkout(environ: Mapping[str, str]) -> str:
    """Return the repository that the environment or the remote of this checkout names."""
    if named := environ.get("GITHUB_REPOSITORY"):
        return named
    try:
        found = _REMOTE.fullmatch(git_from(environ).run("remote", "get-url", "origin").strip())
    except GitFailure:
        found = None
    if found is None:
        raise InvalidInput((_no_repository("no remote `origin` names a repository", "add --repository OWNER/NAME"),))
    return found[1]


def _no_repository(message: str, hint: str) -> Problem:
    return Problem("github/repository", Source("--repository"), message, hint)
