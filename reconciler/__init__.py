"""Declarative reconciler for TPP workflow tickets: YAML in git, reviewed, applied as planned.

The names of `__all__` are the library API; everything else may change at any time. They are imported when they are
first used, so that importing the package costs nothing.
"""

TYPE_CHECKING = False  # what typing has is not worth its 10 ms: until signals are handled nothing else is loaded
if TYPE_CHECKING:
    from reconciler.app.apply import ApplyResult, apply
    from reconciler.app.context import Context, open_context
    from reconciler.app.plan import plan
    from reconciler.app.request import Request
    from reconciler.errors import (
        CredentialsRefused,
        GuardRefused,
        InvalidInput,
        LedgerBroken,
        LedgerUnwritable,
        LockHeld,
        ReconcilerError,
        ServerFailure,
    )
    from reconciler.ledger.plan_files import load_plan, save_plan
    from reconciler.manifests.config import load_settings
    from reconciler.model.plan import Plan, Step
    from reconciler.model.receipt import Outcome, Receipt, Run
    from reconciler.model.settings import Settings
    from reconciler.model.verdict import Reason, Verdict

__all__ = [
    "ApplyResult",
    "Context",
    "CredentialsRefused",
    "GuardRefused",
    "InvalidInput",
    "LedgerBroken",
    "LedgerUnwritable",
    "LockHeld",
    "Outcome",
    "Plan",
    "Reason",
    "Receipt",
    "ReconcilerError",
    "Request",
    "Run",
    "ServerFailure",
    "Settings",
    "Step",
    "Verdict",
    "apply",
    "load_plan",
    "load_settings",
    "open_context",
    "plan",
    "save_plan",
]

HOMES = {
    "reconciler.app.context": ("open_context", "Context"),
    "reconciler.app.plan": ("plan",),
    "reconciler.app.request": ("Request",),
    "reconciler.app.apply": ("apply", "ApplyResult"),
    "reconciler.ledger.plan_files": ("save_plan", "load_plan"),
    "reconciler.manifests.config": ("load_settings",),
    "reconciler.model.settings": ("Settings",),
    "reconciler.model.plan": ("Plan", "Step"),
    "reconciler.model.verdict": ("Verdict", "Reason"),
    "reconciler.model.receipt": ("Run", "Receipt", "Outcome"),
    "reconciler.errors": (
        "ReconcilerError",
        "InvalidInput",
        "GuardRefused",
        "ServerFailure",
        "CredentialsRefused",
        "LedgerBroken",
        "LedgerUnwritable",
        "LockHeld",
    ),
}
"""Where each name is defined."""
DEPRECATED: dict[str, str] = {}
"""Names that the next minor release will lack, each with what to use in its place. Who uses one is warned."""


def __getattr__(name: str) -> object:
    """Import a public name when it is first used."""
    import warnings
    from importlib import import_module

    home = next((module for module, names in HOMES.items() if name in names), None)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(home), name)
    if name in DEPRECATED:
        message = f"reconciler.{name} goes with the next minor release; use {DEPRECATED[name]}"
        warnings.warn(message, DeprecationWarning, stacklevel=2)
    else:
        globals()[name] = found
    return found
