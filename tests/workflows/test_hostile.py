"""Texts of tickets that try to be more than text, all the way to log, comment, summary and annotations."""

import re

import cmarkgfm
import pytest
from markdown_it import MarkdownIt

from reconciler.sandbox.seed import TicketSeed
from tests.rendering.hostile import HOSTILE
from tests.workflows.act import Result
from tests.workflows.team import Team, team

pytestmark = pytest.mark.slow

CONFIGURATION = """\
version: 1
server: https://tpp.example.com
auth: {method: github-oidc, audience: 'https://tpp.example.com/vedauth'}
"""
TEXTS = [text for text in HOSTILE if text and text.encode("utf-8", "ignore").decode() == text and "\x00" not in text]
ALLOWED = {"add-mask", "summary", "set-output", "warning"}


def _guid(number: int) -> str:
    return f"{number:08x}-0000-4000-8000-000000000000"


def _seeds() -> tuple[TicketSeed, ...]:
    return tuple(
        TicketSeed(_guid(number), rf"\VED\Policy\{text[:3_000]}", reason=text, explanation=text)
        for number, text in enumerate(TEXTS)
    )


def _run(acme: Team) -> Result:
    entries = "".join(f"  - {{guid: {_guid(n)}, status: Rejected, explanation: no}}\n" for n in range(len(TEXTS)))
    acme.commit("reconciler.yaml", CONFIGURATION)
    acme.commit("tickets/2036/CHG0041234.yaml", f"version: 1\ntickets:\n{entries}")
    return acme.run("pull-request.yml", "pull_request", acme.pull_request())


def test_hostile_tickets_stay_text_everywhere(tmp_path) -> None:
    with team(tmp_path, *_seeds()) as acme:
        result = _run(acme)
        (comment,) = acme.github.world.comments_on(7)
    assert result.code == 0
    assert f"{len(TEXTS)} certificate requests" in comment

    assert result.annotations == ()
    assert {raw.removeprefix("::").partition("::")[0].partition(" ")[0] for raw in result.raw} <= ALLOWED
    assert any("planted" in line for line in result.lines)
    for line in result.lines:
        assert not line.lstrip().startswith("::"), line
        assert "##[" not in line
        assert not re.search(r"[\x1b\x07\u202a-\u202e\u2066-\u2069\u200b]", line)

    assert "planted" in comment
    for text in (comment, *result.summaries):
        _assert_inert(text)
    assert len(comment) <= 65_536


def _assert_inert(text: str) -> None:
    """Look at what GitHub's own markdown library and a second parser see."""
    options = cmarkgfm.cmark.Options.CMARK_OPT_UNSAFE
    shown = cmarkgfm.github_flavored_markdown_to_html(text, options)
    body = re.sub(r"<!--.*?-->", "", shown, flags=re.DOTALL)
    tags = set(re.findall(r"</?([a-zA-Z][\w-]*)", body))
    assert tags <= _OUR_TAGS, tags - _OUR_TAGS
    assert not re.search(r"\bon\w+\s*=", "".join(re.findall(r"<[a-zA-Z][^>]*>", body)))
    links = {link for link in re.findall(r'href="([^"]*)"', body) if "evil" in link or link.startswith("mailto")}
    assert links == set()
    without_code = re.sub(r"<(code|pre)[ >].*?</\1>", "", body, flags=re.DOTALL)
    assert not re.search(r"(?<![\w/])@[a-zA-Z]", re.sub(r"<[^>]*>", "", without_code))
    fences = [token.info for token in MarkdownIt().parse(text) if token.type == "fence"]
    assert fences in ([], ["mermaid"])


_OUR_TAGS = {
    *("h2", "h3", "p", "strong", "em", "code", "pre", "a", "ul", "li", "hr", "br", "span"),
    *("table", "thead", "tbody", "tr", "th", "td", "details", "summary"),
}
