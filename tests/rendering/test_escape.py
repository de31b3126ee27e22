"""Hostile text stays text, as a parser of each format sees it."""

import csv
import html.parser
import io
import re
import unicodedata

import cmarkgfm
import pytest
from markdown_it import MarkdownIt

from reconciler.rendering import escape
from tests.rendering.hostile import HOSTILE


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_visible_is_hidden_or_a_line_end(text: str) -> None:
    shown = escape.terminal(text)
    assert not [c for c in shown if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]
    assert len(shown.splitlines()) <= 1
    assert shown.encode("utf-8").decode("utf-8") == shown


def test_plain_text_stays_as_it_is() -> None:
    assert escape.terminal(r"\VED\Policy\Web\www.example.com fe80::1 Größe 日本") == (
        r"\VED\Policy\Web\www.example.com fe80::1 Größe 日本"
    )


def test_control_characters_are_shown_by_their_code_points() -> None:
    assert escape.visible("a\x1bb\nc\u202ed\ud800") == "a<U+001B>b<U+000A>c<U+202E>d<U+D800>"


def test_long_text_is_cut_and_says_how_much_is_missing() -> None:
    assert escape.visible("x" * 1_500, 10) == "xxxxxxxxxx… (+1,490 characters)"


@pytest.mark.parametrize("text", HOSTILE)
def test_a_log_line_is_never_a_workflow_command(text: str) -> None:
    for line in escape.log_lines("  " + text).splitlines():
        assert not line.lstrip().startswith("::")
        assert "##[" not in line
    assert "##[" not in escape.terminal(text)
    assert not re.search(r"(^|\s)::", escape.terminal(text))


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("sink", [escape.markdown, escape.code])
def test_a_markdown_cell_holds_text_and_nothing_else(text: str, sink: object) -> None:
    cell = sink(text)  # type: ignore[operator]
    parser = MarkdownIt("gfm-like", {"html": True})
    tokens = parser.parse(f"| a | b |\n|--|--|\n| {cell} | end |\n")
    inlines = [token for token in tokens if token.type == "inline"]
    assert len(inlines) == 4
    assert inlines[3].content == "end"
    children = inlines[2].children or []
    allowed = {"text", "code_inline", "text_special", "html_inline"}
    assert {child.type for child in children} <= allowed
    assert {child.content for child in children if child.type == "html_inline"} <= {"<span>", "</span>"}


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_mentions_nobody_and_links_no_issue(text: str) -> None:
    rendered = MarkdownIt("gfm-like").renderInline(escape.markdown(text))
    assert not re.search(r"@\w|#\d|GH-\d|<a ", rendered)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("sink", [escape.markdown, escape.code])
def test_githubs_own_markdown_parser_sees_a_table_with_two_cells_and_no_link(text: str, sink: object) -> None:
    cell = sink(text)  # type: ignore[operator]
    rendered = cmarkgfm.github_flavored_markdown_to_html(f"| a | b |\n|--|--|\n| {cell} | end |\n")
    tags = re.findall(r"<(?!/?(?:table|thead|tbody|tr|th|td|code)>)[^>]*>", rendered)
    assert set(tags) <= {"<!-- raw HTML omitted -->"}
    assert rendered.count("<tr>") == 2
    assert rendered.count("<td>") == 2
    assert "<td>end</td>" in rendered


class _Tags(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.append(f"{tag} {attrs}")

    def handle_endtag(self, tag: str) -> None:
        self.seen.append(f"/{tag}")

    def handle_comment(self, data: str) -> None:
        self.seen.append(f"comment {data}")

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("text", HOSTILE)
def test_html_text_and_attributes_hold_the_text_and_nothing_else(text: str) -> None:
    parser = _Tags()
    parser.feed(f"<p>{escape.html(text)}</p>")
    parser.close()
    assert parser.seen == ["p []", "/p"]
    assert parser.text == escape.visible(text)
    attribute = _Tags()
    attribute.feed(f'<p title="{escape.html(text)}">')
    attribute.close()
    assert attribute.seen == [f"p {[('title', escape.visible(text))]}"]


@pytest.mark.parametrize("text", HOSTILE)
def test_an_html_comment_ends_where_we_end_it(text: str) -> None:
    parser = _Tags()
    parser.feed(f"<!-- m key={escape.html_comment(text)} --><p>")
    parser.close()
    assert [seen.split()[0] for seen in parser.seen] == ["comment", "p"]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_mermaid_label_has_no_character_that_breaks_a_gantt(text: str) -> None:
    label = escape.mermaid(text)
    assert label
    assert len(label) <= 40
    assert not set(label) & set(":;#\n%`\"'<>{}[]|&$\\")


@pytest.mark.parametrize("text", HOSTILE)
def test_a_workflow_command_has_one_line_and_its_properties_stay_apart(text: str) -> None:
    command = f"::error file={escape.github_property(text)},line=1::{escape.github_data(text)}"
    assert len(command.splitlines()) == 1
    head, data = command[2:].split("::", 1)
    name, _, properties = head.partition(" ")
    assert name == "error"
    assert [pair.split("=")[0] for pair in properties.split(",")] == ["file", "line"]
    assert "##[" not in command
    message = data.replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%")
    assert len(message) <= 4_096


@pytest.mark.parametrize("text", HOSTILE)
def test_a_csv_cell_is_one_cell_and_no_formula(text: str) -> None:
    rows = list(csv.reader(io.StringIO(f"{escape.csv_cell(text)},end\n")))
    assert len(rows) == 1
    assert rows[0][1:] == ["end"]
    assert not rows[0][0].lstrip().startswith(("=", "+", "-", "@", "|", "%"))


def test_a_shortened_dn_keeps_its_end() -> None:
    assert escape.shorten(r"\VED\Policy\Web\www.example.com", 16) == "…www.example.com"
    assert escape.shorten("short", 16) == "short"
