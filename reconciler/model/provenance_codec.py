"""Where a run comes from, as JSON: the same members in every line of its ledger file."""

from reconciler.model.canonical import Json
from reconciler.model.decoding import Fields, text, texts, whole
from reconciler.model.review import Provenance, Review
from reconciler.model.state_codec import sparse


def encode_provenance(provenance: Provenance) -> dict[str, Json]:
    """Return the members of a provenance that are known."""
    return sparse(
        {
            "tool": provenance.tool,
            "target": provenance.target,
            "environment": provenance.environment,
            "identity": provenance.identity,
            "commit": provenance.commit,
            "repository": provenance.repository,
            "review": None if provenance.review is None else _encode_review(provenance.review),
            "workflow_run": provenance.workflow_run,
        }
    )


def take_provenance(fields: Fields) -> Provenance:
    """Read the provenance among the members of a ledger line. Raises ValueError with the place of the fault."""
    return Provenance(
        tool=fields.take("tool", text),
        target=fields.take("target", text),
        environment=fields.optional("environment", text),
        identity=fields.optional("identity", text),
        commit=fields.optional("commit", text),
        repository=fields.optional("repository", text),
        review=fields.optional("review", _decode_review),
        workflow_run=fields.optional("workflow_run", text),
    )


def _encode_review(review: Review) -> dict[str, Json]:
    return sparse(
        {
            "pull_request": review.pull_request,
            "author": review.author,
            "url": review.url or None,
            "last_pusher": review.last_pusher,
            "reviewers": list(review.reviewers) or None,
            "merged_by": review.merged_by,
            "approvals": list(review.approvals) or None,
        }
    )


def _decode_review(value: object, place: str) -> Review:
    fields = Fields(value, place)
    review = Review(
        pull_request=fields.take("pull_request", whole),
        author=fields.take("author", text),
        url=fields.maybe("url", text, ""),
        last_pusher=fields.optional("last_pusher", text),
        reviewers=fields.maybe("reviewers", texts, ()),
        merged_by=fields.optional("merged_by", text),
        approvals=fields.maybe("approvals", texts, ()),
    )
    fields.done()
    return review
