"""`reconciler ledger verify`: does the ledger still say everything that was written?"""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.ledger_filter import folder_of, ledger_option
from reconciler.cli.options import Invocation, common_options
from reconciler.model.value import replace

if TYPE_CHECKING:
    from reconciler.ledger.chain import Chain


@click.command()
@click.option("--head", metavar="HASH", help="A hash noted earlier, of the ledger or of any line: is it still there?")
@ledger_option
@click.option("--format", "style", type=click.Choice(("text", "json")), default="text", show_default=True)
@common_options
def verify(invocation: Invocation, head: str | None, ledger: Path | None, style: str) -> int:
    """Find every edit, gap, cut, moved line and removed file, and say where. Leaves with 3 when there is one.

    Lines at the very end that were cut off show only against --head.
    """
    from reconciler.cli.exit_codes import Exit
    from reconciler.ledger.chain import check

    folder = folder_of(invocation, ledger)
    chain = check(folder, head)
    click.echo(_json(folder, chain) if style == "json" else _text(folder, chain), nl=False)
    return int(Exit.REFUSED if chain.faults else Exit.OK)


def _text(folder: Path, chain: "Chain") -> str:
    from reconciler.rendering.escape import terminal
    from reconciler.rendering.problems import problems_text
    from reconciler.rendering.text.layout import joined
    from reconciler.rendering.words import counted

    torn = [
        f"{terminal(str(folder / place.path))}:{place.line}: cut off by a crash, never acted on" for place in chain.torn
    ]
    if chain.faults:
        placed = [
            replace(fault, source=replace(fault.source, path=_place(folder, fault.source.path)))
            for fault in chain.faults
        ]
        return joined(torn) + problems_text(placed) + f"the ledger {terminal(str(folder))} does not hold\n"
    size = f"{counted(chain.lines, 'line')} in {counted(chain.files, 'file')}"
    return joined([*torn, f"the ledger holds: {size}", f"head {chain.head}"])


def _place(folder: Path, path: str) -> str:
    return str(folder) if Path(path) == folder else str(folder / path)


def _json(folder: Path, chain: "Chain") -> str:
    import json

    document = {
        "version": 1,
        "ledger": str(folder),
        "holds": not chain.faults,
        "files": chain.files,
        "lines": chain.lines,
        "head": chain.head,
        "faults": [
            {"code": fault.code, "path": fault.source.path, "line": fault.source.line, "message": fault.message}
            for fault in chain.faults
        ],
        "torn": [{"path": place.path, "line": place.line} for place in chain.torn],
    }
    return json.dumps(document, indent=2) + "\n"
