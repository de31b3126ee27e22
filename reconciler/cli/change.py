"""`reconciler change`: one change record, as the guard sees it."""

import click

from reconciler.app.change_records import look_up
from reconciler.app.context import open_context
from reconciler.cli.exit_codes import Exit
from reconciler.cli.options import Invocation, common_options
from reconciler.codec import json_text, plain
from reconciler.model.change_record import ChangeQuestion, ChangeRecord, LookupFailure
from reconciler.model.status import format_instant
from reconciler.rendering.escape import terminal


@click.command()
@click.argument("id")
@click.option("--format", "style", type=click.Choice(("text", "json")), default="text", show_default=True)
@common_options
def command(invocation: Invocation, id: str, style: str) -> int:  # noqa: A002 - the name that --help shows
    """Show the change record ID, for example CHG0041234, as the policy's rule sees it. Nothing is written anywhere."""
    with open_context(invocation.settings()) as context:
        found = look_up(context, [ChangeQuestion(id)], "plan")[id]
    if style == "json":
        click.echo(json_text({"version": 1, "record": plain(found)}), nl=False)
    elif isinstance(found, ChangeRecord):
        click.echo(_text(found), nl=False)
    if isinstance(found, ChangeRecord):
        return int(Exit.OK)
    if style == "text":
        click.echo(f"error: {terminal(found.id)}: {terminal(found.why)}", err=True)
        if found.hint:
            click.echo(f"  help: {terminal(found.hint)}", err=True)
    return int(Exit.REFUSED if found.failure is LookupFailure.NOT_FOUND else Exit.SERVER)


def _text(record: ChangeRecord) -> str:
    window = " to ".join(format_instant(each) for each in (record.start, record.stop) if each) or "not planned"
    facts = {
        "title": record.title,
        "state": record.state + (" (closed)" if record.closed else "") + (" (on hold)" if record.on_hold else ""),
        "approval": record.approval,
        "type": record.type,
        "planned": window,
        "affected": ", ".join(record.affected),
        "requester": record.requester,
        "allowed": "" if record.allowed is None else "yes" if record.allowed else f"no: {record.reason}",
        "link": record.url,
    }
    lines = [f"  {name:<10} {terminal(value)}" for name, value in facts.items() if value]
    return "\n".join([terminal(record.id), *lines, ""])
