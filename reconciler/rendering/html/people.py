"""Who stands behind a line of the ledger: people, pull request, commit, run; as HTML and as plain words."""

from collections.abc import Iterator

from reconciler.model.record import Line
from reconciler.model.review import Provenance
from reconciler.rendering.escape import html
from reconciler.rendering.html.page import link, plain


def who(provenance: Provenance) -> tuple[str, str, str]:
    """Name who decided in three short lines of neutral text: people, pull request and commit, acting identity."""
    review = provenance.review
    people = ""
    place = []
    if review is not None:
        reviewed = f", reviewed by {', '.join(review.reviewers)}" if review.reviewers else ", no reviewer"
        people = f"{review.author}{reviewed}"
        place.append(f"PR #{review.pull_request}")
    if provenance.commit:
        place.append(f"commit {provenance.commit[:12]}")
    acting = f"as {provenance.identity}" if provenance.identity else ""
    return plain(people) or "author not known", plain(", ".join(place)), plain(acting)


def origin(provenance: Provenance, repository: str) -> Iterator[tuple[str, str]]:
    """Name everything that is known of where a line comes from, as finished HTML with links where there are any."""
    review = provenance.review
    if review is not None:
        yield "Pull request", link(review.url, f"#{review.pull_request}")
        yield "Author", html(review.author)
        yield "Reviewed by", html(", ".join(review.reviewers)) or "nobody"
        yield "Last pusher", html(review.last_pusher or "")
        yield "Merged by", html(review.merged_by or "")
        yield "Environment approved by", html(", ".join(review.approvals))
    if provenance.commit:
        address = f"{repository.rstrip('/')}/commit/{provenance.commit}" if repository else ""
        yield "Commit", link(address, provenance.commit[:12])
    yield "Acted as", html(provenance.identity or "")
    yield "Workflow run", link(provenance.workflow_run or "", provenance.workflow_run or "")
    yield "Tool", html(provenance.tool)


def place(line: Line) -> Iterator[tuple[str, str]]:
    """Name the run and the line of the ledger, as finished HTML."""
    yield "Run", html(line.run)
    yield "Ledger line", f"<code>{html(str(line.source))}</code>"
    yield "Line hash", f"<code>{html(line.hash)}</code>"
