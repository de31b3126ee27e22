"""One comment on a pull request that is kept up to date instead of being written again."""

import re
from dataclasses import dataclass
from enum import StrEnum

from reconciler.errors import ReconcilerError
from reconciler.github.client import GitHub
from reconciler.github.wire import Wire, number, text

_UNSAFE = re.compile(r"[^A-Za-z0-9._/:@+-]+")


def marker(kind: str, key: str) -> str:
    """Return the HTML comment that marks a text. `key` tells texts of one kind apart, such as environments."""
    return f"<!-- tpp-reconciler:{_plain(kind)} {_plain(key)} -->"


def is_ours(wire: Wire, mark: str) -> bool:
    """Return whether a comment or issue is one of ours: it starts with the marker and a bot wrote it.

    A person who copies the marker gets a text of their own, which is never touched.
    """
    return text(wire, "user", "type") == "Bot" and text(wire, "body").startswith(mark)


def same_text(left: str, right: str) -> bool:
    """Compare texts as GitHub keeps them: line ends and trailing blanks may have changed."""
    return _normal(left) == _normal(right)


def _plain(value: str) -> str:
    """Keep what can neither end the HTML comment nor be split: two dashes in a row would."""
    return _UNSAFE.sub("_", value).replace("--", "__") or "_"


def _normal(value: str) -> str:
    return "\n".join(line.rstrip() for line in value.replace("\r\n", "\n").strip().split("\n"))


LONGEST = 65_000
"""Characters. GitHub refuses more than 65,536; renderers stay below 64,000."""
_CUT = "\n\n_The text was cut here: GitHub takes no more. See the job summary._"


class Posting(StrEnum):
    """What became of a text that was to stand on GitHub."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    CLOSED = "closed"
    NONE = "none"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Posted:
    """How a posting went. `why` says what failed; it never changes what the run itself found.

    `number` is that of the pull request, where it is one.
    """

    posting: Posting
    url: str = ""
    why: str = ""
    number: int | None = None


def keep_comment(github: GitHub, pull: int, *, kind: str, key: str, body: str) -> Posted:
    """Make the comment of this kind and key say `body`: create it, update the newest, delete its duplicates.

    An unchanged text costs no write. A failure is a value, because a comment is never evidence.
    """
    mark = marker(kind, key)
    wanted = within_limit(f"{mark}\n{body}")
    try:
        found = sorted(
            (number(wire, "id") or 0, text(wire, "body"), text(wire, "html_url"))
            for wire in github.every(f"/issues/{pull}/comments")
            if is_ours(wire, mark)
        )
        for stray, _, _ in found[:-1]:
            github.delete(f"/issues/comments/{stray}")
        if not found:
            return Posted(Posting.CREATED, text(github.post(f"/issues/{pull}/comments", {"body": wanted}), "html_url"))
        newest, posted, url = found[-1]
        if same_text(posted, wanted):
            return Posted(Posting.UNCHANGED, url)
        github.patch(f"/issues/comments/{newest}", {"body": wanted})
        return Posted(Posting.UPDATED, url)
    except ReconcilerError as fault:
        return Posted(Posting.FAILED, why=f"{fault.message}; {fault.hint}" if fault.hint else fault.message)


def earlier_comment(github: GitHub, pull: int, *, kind: str, key: str) -> str:
    """Return what the newest comment of this kind and key says now, empty when there is none. Raises GitHubFailure."""
    mark = marker(kind, key)
    found = [
        (number(wire, "id") or 0, text(wire, "body"))
        for wire in github.every(f"/issues/{pull}/comments")
        if is_ours(wire, mark)
    ]
    return max(found)[1] if found else ""


def within_limit(body: str) -> str:
    """Return a text that GitHub takes, cut after a whole line when it is too long."""
    if len(body) <= LONGEST:
        return body
    kept = body[: LONGEST - len(_CUT)]
    return kept[: kept.rfind("\n") if "\n" in kept else None] + _CUT
