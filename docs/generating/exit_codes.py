"""The page of exit codes and environment variables, from the one table of each."""

from docs.generating.environment import VARIABLES
from docs.generating.text import cell, table
from reconciler.cli import exit_codes
from reconciler.cli.exit_codes import MEANING, Exit
from reconciler.errors import ReconcilerError


def page() -> str:
    """Return the page of exit codes and environment variables."""
    rows = [(f"`{int(code)}`", cell(MEANING[code])) for code in Exit]
    errors = [(f"`{kind.__name__}`", cell(_said(kind)), f"`{int(code)}`") for kind, code in exit_codes._OF_ERROR]
    rest = exit_codes.of_error(ReconcilerError(""))
    order = ", ".join(str(int(code)) for code in exit_codes._WORST_FIRST)
    return "\n".join(
        [
            "# Exit codes and environment variables\n",
            table(("Code", "Means"), rows),
            f"When several hold, the worst for a reader's trust wins: {order}.\n",
            "## Which failure has which code\n",
            table(("Failure", "Means", "Code"), errors),
            f"A failure that is in no row is one of the world outside, such as git or GitHub: `{int(rest)}`. "
            "A signal ends a run with 128 plus its number.\n",
            "## Environment variables\n",
            "A variable is over what the configuration says. Secrets come only from here, from files that are named "
            "here, or from standard input. Each `CHANGE_RECORDS_…` may be a file instead: `CHANGE_RECORDS_TOKEN_FILE`. "
            "A company's proxies are those of `HTTPS_PROXY` and `NO_PROXY`.\n",
            *(
                f"### {group}\n\n"
                + table(("Variable", "Means"), [(f"`{name}`", cell(says)) for name, says in named.items()])
                for group, named in VARIABLES.items()
            ),
        ]
    )


def _variables(named: dict[str, str]) -> str:
    return table(("Variable", "Means"), [(f"`{name}`", cell(says)) for name, says in named.items()])


def _said(kind: type[Exception]) -> str:
    return (kind.__doc__ or "").split("\n\n")[0]
