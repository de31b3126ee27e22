"""`reconciler github emergency`: decide one ticket at once in a workflow, once a second person has agreed."""

import os
from pathlib import Path

import click

from reconciler.app.apply import carry_out
from reconciler.app.context import Context, open_context
from reconciler.app.decide import Chosen
from reconciler.app.emergency import (
    agreed_by_review,
    agreed_in_environment,
    planned_emergency,
    propose_entry,
    record_in_git,
    started_by,
    write_entry,
)
from reconciler.app.outputs import OutputKind, check_outputs, saved_as, write_output
from reconciler.app.plan import plan as make_plan
from reconciler.app.request import Request
from reconciler.app.saved_plan import prepared_now
from reconciler.app.tickets import Wanted
from reconciler.app.workflow_run import WorkflowRun
from reconciler.cli.exit_codes import Exit, of_plan, of_run, worst
from reconciler.cli.github_run import SUMMARY_BYTES, announce, figures_of, page_of, this_run, warn
from reconciler.cli.options import Invocation, common_options, require_policy
from reconciler.cli.output import show_plan, show_run
from reconciler.cli.progress import Terminal
from reconciler.codec import run_json
from reconciler.errors import ReconcilerError
from reconciler.github.actions import append_summary, set_outputs
from reconciler.github.git import git_from
from reconciler.github.posting import Posted
from reconciler.ledger.plan_files import save_plan
from reconciler.model.plan import Plan
from reconciler.model.review import Emergency
from reconciler.model.status import Status
from reconciler.model.value import replace
from reconciler.rendering.escape import code, markdown, terminal
from reconciler.rendering.markdown.plan import plan_markdown

_STATUSES = (Status.APPROVED.value, Status.REJECTED.value, Status.PENDING.value)


@click.command()
@click.option("--ticket", required=True, help="The ticket, by GUID or name.")
@click.option("--status", type=click.Choice(_STATUSES), required=True, help="What should become of it.")
@click.option("--reason", required=True, help="Why; it will stand in the ticket.")
@click.option("--incident", required=True, help="The incident that it is for.")
@click.option(
    "--second-person",
    type=click.Choice(("environment", "pull-request")),
    default="environment",
    show_default=True,
    help="How a second person agrees.",
)
@click.option("--deployment", default="venafi-emergency", show_default=True, help="The environment that was approved.")
@click.option("--dry-run", is_flag=True, help="Plan only, for the second person to look at.")
@click.option("--reviewed", type=click.Path(path_type=Path), help="Refuse whatever this plan does not contain.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Save the plan, or the report of the run.")
@common_options
def emergency(
    invocation: Invocation,
    *,
    ticket: str,
    status: str,
    reason: str,
    incident: str,
    second_person: str,
    deployment: str,
    dry_run: bool,
    reviewed: Path | None,
    out: Path | None,
) -> int:
    """Decide one ticket at once, without a pull request: who started the run asks, and a second person agrees.

    The decision is written into the manifests, planned and applied; a pull request then brings it into git.
    """
    settings = invocation.settings()
    require_policy(settings, no_policy=False)
    check_outputs(saved_as(out, OutputKind.PLAN if dry_run else OutputKind.RUN), settings)
    workflow = this_run()
    starter = started_by(workflow)
    with open_context(settings, observer=Terminal(), applying=not dry_run) as context:
        planned = planned_emergency(context, ticket, " ".join(incident.split()), starter)
        if not dry_run and second_person == "environment":
            planned = agreed_in_environment(workflow, planned, deployment)
        chosen = write_entry(context, planned, status, " ".join(reason.split()))
        request = Request(wanted=Wanted((planned.ticket,)), emergency=planned)
        if dry_run:
            return _planned(workflow, make_plan(context, request), planned, out)
        if second_person == "pull-request":
            posted = _proposed(workflow, planned, chosen)
            announce(posted, "pull request")
            click.echo(terminal(f"waiting for a second person to approve {posted.url}"), err=True)
            planned = agreed_by_review(workflow, planned, posted.number or 0, context.clock)
        return _applied(context, workflow, replace(request, emergency=planned), chosen, reviewed, out)


def _planned(workflow: WorkflowRun, made: Plan, planned: Emergency, out: Path | None) -> int:
    """Show what would be sent to whoever is asked to agree."""
    show_plan(made, "text")
    lead = f"## Emergency {markdown(planned.incident)}\n\n{markdown(planned.people)}: look at it before you agree.\n\n"
    append_summary(os.environ, lead + plan_markdown(made, page_of(workflow.event, SUMMARY_BYTES)))
    set_outputs(os.environ, figures_of(made))
    if out is not None:
        save_plan(made, out)
    return int(of_plan(made))


def _applied(
    context: Context, workflow: WorkflowRun, request: Request, chosen: Chosen, reviewed: Path | None, out: Path | None
) -> int:
    ready = prepared_now(context, request, reviewed)
    show_plan(ready.plan, "text")
    ended = carry_out(context, ready, lock_timeout=90.0)
    show_run(ended.run, "text")
    if out is not None:
        write_output(out, run_json(ended.run))
    agreed = request.emergency
    where = workflow.event.run_url or "emergency"
    codes = {of_plan(ready.plan), of_run(ended.run)} | ({Exit.SERVER} if ended.lasting else set())
    codes |= ({Exit.BUG} if ended.bug else set()) | ({Exit.REFUSED} if ended.halted or ended.superseded else set())
    if agreed is not None and record_in_git(context, agreed, ended.run, where):
        try:
            announce(_proposed(workflow, agreed, chosen), "pull request")
        except ReconcilerError as fault:  # what was sent was sent
            warn(f"the entry is not in git: {fault.message}; {fault.hint}", "no pull request")
            codes |= {Exit.ATTENTION}
    return int(worst(codes))


def _proposed(workflow: WorkflowRun, emergency: Emergency, chosen: Chosen) -> Posted:
    agreed = emergency.agreed != ""
    lead = (
        "Decided in an emergency, sent, and in the ledger. Merging this brings it into git; nothing is sent for it."
        if agreed
        else "An emergency: approve it within ten minutes, and it is sent at once. It need not be merged for that."
    )
    run = f"[the run]({workflow.event.run_url})" if workflow.event.run_url else "the run"
    return propose_entry(
        workflow,
        git_from(os.environ),
        emergency,
        chosen,
        lambda names: "\n\n".join(
            (
                lead,
                f"{markdown(emergency.incident)}: {markdown(emergency.people)}, {run}",
                f"{code(chosen.object or emergency.ticket, 300)}: {markdown(chosen.after)}",
                "\n".join(f"- {code(name, 200)}" for name in names),
            )
        ),
    )
