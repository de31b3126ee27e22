"""Which folders with rules the manifests of a plan lie below."""

from collections.abc import Iterable

from reconciler.manifests.text import folders_above
from reconciler.manifests.windows import freezes_ahead
from reconciler.model.decision import Override, Seal
from reconciler.model.plan import Plan
from reconciler.model.settings import Settings
from reconciler.model.value import replace
from reconciler.planning.guards import Circumstances


def with_folders(seen: Circumstances, settings: Settings, plan: Plan) -> Circumstances:
    """Let guards know which folders the decisions and overrides of a plan lie below."""
    return placed(seen, settings, (step.source.path for step in plan.steps), plan.overrides, plan.sealed)


def placed(
    seen: Circumstances,
    settings: Settings,
    paths: Iterable[str],
    overrides: Iterable[Override],
    seals: tuple[Seal, ...],
) -> Circumstances:
    """Let guards know which folders these manifests, and those with overrides and seals, lie below."""
    folders = settings.policy.folders
    if not folders:
        return replace(seen, below={}, recurring_in={}, seals=seals)
    files = {*paths, *(each.source.path for each in overrides), *(seal.path for seal in seals)}
    return replace(
        seen,
        below=folders_above(folders, settings.path, files),
        recurring_in={name: freezes_ahead(rules, seen.now) for name, rules in folders.items()},
        seals=seals,
    )
