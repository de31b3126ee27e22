"""All generated pages, by the path that they have in the documentation."""

from collections.abc import Callable, Mapping

from docs.generating import commands, exit_codes, names, performance, schemas, verdicts

_MANIFEST = """A manifest is a YAML file. Times, `yes`, `no` and `on` stay text, a key that stands twice is a fault, and
nothing in a file is run. Every fault of every file is told in one go. How to write them is shown in
[Getting started](../getting-started.md)."""
_CONFIGURATION = """It is `reconciler.yaml` in the working directory, or what `--config` names. These variables override
it: `TPP_URL`, `TPP_TOKEN`, `TPP_TOKEN_FILE`, `TPP_REFRESH_TOKEN`, `TPP_CLIENT_ID`, `TPP_SCOPE`, `TPP_USERNAME`,
`TPP_PASSWORD`, `TPP_CA_BUNDLE`. Secrets come from them, from a file or from standard input, never from this file."""
_RULES = "A manifest of kind `rules` is for campaigns. The plan names every ticket that a rule selects."
_SAVED = "It is canonical JSON. A file with a member that the schema does not know is refused."
_SIGNED = """It is the predicate of an in-toto statement, of type `urn:tpp-reconciler:predicate:decisions:v1`.
`apply.yml` writes it, `attest.yml` signs it; [the guide](../guides/github.md) has the command that verifies it."""

PAGES: Mapping[str, Callable[[], str]] = {
    "reference/manifest.md": lambda: schemas.page("decisions", "The manifest", _MANIFEST),
    "reference/rules.md": lambda: schemas.page("rules", "Rules", _RULES),
    "reference/configuration.md": lambda: schemas.page("config", "The configuration", _CONFIGURATION),
    "reference/plan-file.md": lambda: schemas.page("plan", "The plan file", _SAVED),
    "reference/receipts.md": lambda: schemas.page("receipt", "The report of a run", _SAVED),
    "reference/statement.md": lambda: schemas.page("predicate", "The statement about a run", _SIGNED),
    "reference/ledger-lines.md": lambda: schemas.page("ledger", "The lines of the ledger", _SAVED),
    "reference/commands.md": commands.page,
    "reference/verdicts.md": verdicts.page,
    "reference/exit-codes.md": exit_codes.page,
    "reference/names.md": names.page,
    "performance.md": performance.page,
}
