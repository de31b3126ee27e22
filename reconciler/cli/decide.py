"""`reconciler decide`: write a decision into the manifests, or go through the undecided tickets. Nothing is sent."""

import click

from reconciler.app.context import Context, open_context
from reconciler.app.decide import Choice, Chosen, decide
from reconciler.app.list_tickets import ListFilter, list_tickets
from reconciler.app.tickets import named_in
from reconciler.cli.exit_codes import Exit
from reconciler.cli.options import Invocation, common_options
from reconciler.cli.progress import Terminal
from reconciler.cli.terminal import is_interactive, view_of
from reconciler.errors import InvalidInput
from reconciler.manifests.write import Member
from reconciler.model.findings import Waiting, Waitings
from reconciler.model.review import Emergency
from reconciler.model.status import Status
from reconciler.rendering.escape import terminal
from reconciler.rendering.problems import problems_text
from reconciler.rendering.summary import last_name, short
from reconciler.rendering.text.layout import Detail
from reconciler.rendering.waiting import waiting_text
from reconciler.rendering.words import counted

_STATUSES = [status.value for status in Status]
_KEYS = {
    "a": Status.APPROVED,
    "f": Status.APPROVED_AFTER,
    "b": Status.APPROVED_BETWEEN,
    "r": Status.REJECTED,
    "p": Status.PENDING,
}
_QUESTION = "[a]pprove, approve a[f]ter, approve [b]etween, [r]eject, leave [p]ending, [s]kip, [q]uit"


@click.command()
@click.argument("ticket", required=False)
@click.option("--status", type=click.Choice(_STATUSES, case_sensitive=False), help="What should become of it.")
@click.option("--schedule", metavar="WINDOW", help="A window of the configuration, for the scheduled statuses.")
@click.option("--start", metavar="TIME", help="When the approval takes effect: 2026-11-28T22:00:00Z.")
@click.option("--stop", metavar="TIME", help="Until when.")
@click.option("--explanation", help="What will stand in the ticket.")
@click.option("--change", help="The change record that the decision belongs to.")
@click.option(
    "--emergency", "incident", metavar="INCIDENT", help="For `apply --emergency`: the incident is its change."
)
@click.option("--interactive", "-i", is_flag=True, help="Go through the undecided tickets one by one.")
@common_options
def command(
    invocation: Invocation,
    *,
    ticket: str | None,
    status: str | None,
    schedule: str | None,
    start: str | None,
    stop: str | None,
    explanation: str | None,
    change: str | None,
    incident: str | None,
    interactive: bool,
) -> int:
    """Write into the manifests what should become of TICKET, or of each undecided one. Nothing is sent.

    TICKET is a GUID, its first digits, or the name or DN of its object. An entry that is there is changed, every other
    byte stays; a new one goes where `import` would put it. Commit it, and have it reviewed.
    """
    if interactive:
        if ticket is not None or status is not None:
            raise click.UsageError("--interactive asks for each ticket: leave TICKET and --status out")
        if not is_interactive():
            raise click.UsageError("nobody can be asked here: name a TICKET and a --status")
        with open_context(invocation.settings(), observer=Terminal()) as context:
            return _walk(context, explanation, change)
    if ticket is None or status is None:
        raise click.UsageError("name a TICKET and a --status, or use --interactive")
    if schedule is not None and (start is not None or stop is not None):
        raise click.UsageError("name a window with --schedule, or times with --start and --stop")
    if schedule is not None and schedule[:1].isdigit() and "-" in schedule:
        raise click.UsageError(f"--schedule names a window, not a time: use --start {schedule.split('/')[0]}")
    if incident is not None and change is not None:
        raise click.UsageError("the change of an emergency is its incident: leave --change out")
    choice = Choice(status, _schedule(schedule, start, stop), explanation, incident or change)
    with open_context(invocation.settings(), observer=Terminal()) as context:
        guid = named_in(context, ticket)
        urgent = None if incident is None else Emergency(guid, incident, asked="who decides")
        _print_chosen(decide(context, guid, choice, urgent))
    click.echo(
        "Nothing was sent. Commit it and open a pull request; `reconciler plan` shows what it would do.", err=True
    )
    return int(Exit.OK)


def _schedule(window: str | None, start: str | None, stop: str | None) -> Member | None:
    times = {name: value for name, value in (("start", start), ("stop", stop)) if value is not None}
    return window if window is not None else times or None


def _print_chosen(chosen: Chosen) -> None:
    was = f"{chosen.before} → " if chosen.before else ""
    name = last_name(chosen.object) or "unknown object"
    place = f"{chosen.source.path}:{chosen.source.line}"
    click.echo(terminal(f"{place}: {name} {short(chosen.guid)}: {was}{chosen.after}", 1_000))


def _walk(context: Context, explanation: str | None, change: str | None) -> int:
    """Go through the undecided tickets. Each decision is written at once, so that nothing is lost on the way."""
    found = list_tickets(context, ListFilter(undecided=True))
    decided = 0
    for number, row in enumerate(found.rows, 1):
        click.echo(f"\nTicket {number:,} of {len(found.rows):,}", err=True)
        click.echo(waiting_text(Waitings(found.now, (row,)), view_of(detail=Detail.VERBOSE)), err=True, nl=False)
        answer = click.prompt(_QUESTION, type=click.Choice([*_KEYS, "s", "q"]), show_choices=False, err=True)
        if answer == "q":
            break
        if answer == "s":
            continue
        choice = _asked(row, _KEYS[answer], explanation, change)
        try:
            _print_chosen(decide(context, row.ticket.guid, choice))
        except InvalidInput as invalid:
            click.echo(problems_text(invalid.problems), err=True, nl=False)
            click.echo("nothing was written for it", err=True)
            continue
        decided += 1
        explanation, change = choice.explanation, choice.change
    click.echo(f"{counted(decided, 'decision')} written; nothing was sent. Commit and open a pull request.", err=True)
    return int(Exit.SERVER if found.unread else Exit.OK)


def _asked(row: Waiting, status: str, explanation: str | None, change: str | None) -> Choice:
    """Ask for the rest of a decision; what was said of the ticket before is proposed."""
    schedule: Member | None = None
    if status in (Status.APPROVED_AFTER, Status.APPROVED_BETWEEN):
        window = click.prompt("Window of the configuration (empty: times)", default="", show_default=False, err=True)
        if window:
            schedule = window
        else:
            start = click.prompt("Start, for example 2026-11-28T22:00:00Z", err=True)
            stop = click.prompt("Stop", err=True) if status == Status.APPROVED_BETWEEN else None
            schedule = _schedule(None, start, stop)
    typed = click.prompt("Explanation", default=explanation or "", err=True) or None
    record = click.prompt("Change", default=row.change or change or "", err=True) or None
    return Choice(status, schedule, typed, record)
