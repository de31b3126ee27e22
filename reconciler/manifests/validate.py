"""Configuration and manifests checked together, offline: what `reconciler validate` does."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from reconciler.manifests.config import check_settings
from reconciler.manifests.load import check
from reconciler.manifests.problems import Code
from reconciler.manifests.text import repository_of
from reconciler.model.decision import Desired, Problem
from reconciler.model.settings import Settings


@dataclass(frozen=True, slots=True)
class Validation:
    """What was read, and what is wrong with it: errors and warnings in order of place."""

    settings: Settings
    desired: Desired
    errors: tuple[Problem, ...]

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Errors and warnings."""
        return tuple(sorted((*self.errors, *self.desired.warnings), key=lambda problem: problem.source))


def validate(
    paths: Sequence[str],
    *,
    config: str | os.PathLike[str] | None,
    environment: str | None,
    environ: Mapping[str, str],
    now: datetime,
) -> Validation:
    """Check the configuration and the manifests below `paths`, else those that the configuration names."""
    settings, faults = check_settings(config, environment, environ)
    root = repository_of(settings.path)
    desired, problems = check(paths or settings.tickets, windows=settings.windows, now=now, root=root)
    if faults:  # a window may be unknown only because its definition is faulty
        problems = tuple(problem for problem in problems if problem.code != Code.WINDOW_UNKNOWN)
    return Validation(settings, desired, (*faults, *problems))
