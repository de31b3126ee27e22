"""One pull request from a fixed branch that is kept up to date, for changes that the reconciler proposes."""

from reconciler.github.api import GitHub
from reconciler.github.comments import Posted, Posting, within_limit
from reconciler.github.marker import marker, same_text
from reconciler.github.wire import number, text


def keep_pull(github: GitHub, *, branch: str, base: str, title: str, body: str) -> Posted:
    """Make the open pull request of `branch` say `title` and `body`; create it when there is none.

    The branch is the key, so there is never a second one. Raises GitHubFailure: without its pull request a
    proposal reaches nobody, and the run has failed.
    """
    owner, _, _ = github.repository.partition("/")
    wanted = within_limit(f"{marker('pull', branch)}\n{body}")
    for wire in github.every("/pulls", state="open", head=f"{owner}:{branch}", base=base):
        url = text(wire, "html_url")
        if same_text(text(wire, "body"), wanted) and text(wire, "title") == title:
            return Posted(Posting.UNCHANGED, url)
        github.patch(f"/pulls/{number(wire, 'number')}", {"title": title, "body": wanted})
        return Posted(Posting.UPDATED, url)
    created = github.post("/pulls", {"title": title, "head": branch, "base": base, "body": wanted})
    return Posted(Posting.CREATED, text(created, "html_url"))
