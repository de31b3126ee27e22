"""The page of exit codes, from the one table of them."""

from docs.generating.text import cell, table
from reconciler.cli import exit_codes
from reconciler.cli.exit_codes import MEANING, Exit
from reconciler.errors import ReconcilerError


def page() -> str:
    """Return the page of exit codes."""
    rows = [(f"`{int(code)}`", cell(MEANING[code])) for code in Exit]
    errors = [(f"`{kind.__name__}`", cell(_said(kind)), f"`{int(code)}`") for kind, code in exit_codes._OF_ERROR]
    rest = exit_codes.of_error(ReconcilerError(""))
    order = ", ".join(str(int(code)) for code in exit_codes._WORST_FIRST)
    return "\n".join(
        [
            "# Exit codes\n",
            table(("Code", "Means"), rows),
            f"When several hold, the worst for a reader's trust wins: {order}.\n",
            "## Which failure has which code\n",
            table(("Failure", "Means", "Code"), errors),
            f"A failure that is in no row is one of the world outside, such as git or GitHub: `{int(rest)}`. "
            "A signal ends a run with 128 plus its number.\n",
        ]
    )


def _said(kind: type[Exception]) -> str:
    return (kind.__doc__ or "").split("\n\n")[0]
