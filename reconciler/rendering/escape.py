r"""Makes text that others wrote inert, one function per place it is shown in.

Every control character, terminal escape, bidirectional mark, zero-width character and lone surrogate becomes
visible as `<U+001B>`. A backslash escape would not do: `\n` inside a DN looks like a policy folder named "n…".
Each function returns one line. `limit` counts characters of the original text; what is cut off is counted.
"""

import html as _html
import re

LIMIT = 500
"""The most characters of one foreign text that a view shows unless it says otherwise."""

WEB = ("https://", "http://")
"""What an address begins with that others wrote."""

_INVISIBLE = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0"
    + "".join(map(chr, range(0xFE00, 0xFE10)))
)
_MARKS_IN_A_ROW = re.compile(
    r"([\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{4})[\u0300-\u036f]+"
)
_COMMAND_START = re.compile(r"(?m)^(\s*):(?=:)")
_COMMAND_WORD = re.compile(r"(?<![^\s]):(?=:)")

_MARKDOWN = str.maketrans(
    {character: f"&#{ord(character)};" for character in "\\`*_{}[]<>()+!|~&:\"'="}
    | {"@": "@&#8203;", "#": "#&#8203;", "$": "<span>&#36;</span>"}
)
_MARKDOWN_WWW = re.compile(r"(?i)(www)\.")
_MARKDOWN_ISSUE = re.compile(r"(?i)\b(gh)-(?=\d)")
_CODE = {"`": "<U+0060>", "|": "<U+007C>", "##[": "## ["}
_LABEL_BREAKERS = re.compile(r"[^\w ./()+-]|_{2,}")
_PATH_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/")
_URL_SAFE = _PATH_SAFE | frozenset(b":?#&=%+,;@")
_FORMULA_STARTS = ("=", "+", "-", "@", "|", "%", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def cut(text: str, limit: int) -> str:
    """Return at most `limit` characters of the text and say how many are missing."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]}… (+{len(text) - limit:,} characters)"


def shorten(text: str, limit: int) -> str:
    """Keep the end of a text, which tells DNs apart, and mark what was cut off with an ellipsis."""
    return text if len(text) <= limit else "…" + text[len(text) - limit + 1 :]


def visible(text: str, limit: int = LIMIT) -> str:
    """Return the text as one line in which nothing is hidden and nothing acts on a terminal."""
    if len(text) > limit:
        text = cut(text, limit)
    if text.isascii() and text.isprintable():
        return text
    text = _MARKS_IN_A_ROW.sub(r"\1", text)
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    if character.isprintable() and character not in _INVISIBLE:
        return character
    return f"<U+{ord(character):04X}>"


def terminal(text: str, limit: int = LIMIT) -> str:
    """Neutralise for terminals and logs; GitHub's runner reads `::command::` and `##[command]` in logs."""
    if len(text) > limit or not (text.isascii() and text.isprintable()):
        text = visible(text, limit)
    if "##[" in text:
        text = text.replace("##[", "## [")
    if "::" in text:
        text = _COMMAND_WORD.sub(": ", text)
    return text


def log_lines(text: str) -> str:
    """Defuse workflow commands in a finished text whose parts are already neutral: wrapping can start a line anew."""
    if "##[" in text:
        text = text.replace("##[", "## [")
    return _COMMAND_START.sub(r"\1: ", text) if "::" in text else text


def markdown(text: str, limit: int = LIMIT) -> str:
    """Neutralise for a paragraph or table cell of GitHub-flavoured markdown.

    Entities are never structure (CommonMark 0.31, 2.5). GitHub links mentions and issue numbers after it has
    rendered the markdown, so there only a character between the sign and the name helps.
    """
    text = visible(text, limit).translate(_MARKDOWN)
    if "w" in text or "W" in text:
        text = _MARKDOWN_WWW.sub(r"\1&#46;", text)
    return _MARKDOWN_ISSUE.sub(r"\1&#8203;-", text) if "-" in text else text


def code(text: str, limit: int = LIMIT) -> str:
    """Neutralise and set as a code span, where nothing is linked. Empty text becomes a dash."""
    text = visible(text, limit).strip()
    if not text:
        return "—"
    for character, shown in _CODE.items():
        if character in text:
            text = text.replace(character, shown)
    return f"`{text}`"


def html(text: str, limit: int = LIMIT) -> str:
    """Neutralise for HTML and SVG, as text and as a quoted attribute value."""
    return _html.escape(visible(text, limit), quote=True)


def html_comment(text: str, limit: int = LIMIT) -> str:
    """Neutralise for a value inside an HTML comment: no blanks, nothing that ends the comment."""
    return re.sub(r"[^A-Za-z0-9._:/@+=-]|-(?=-)", "_", visible(text, limit)).rstrip("-")


def mermaid(text: str, limit: int = 40) -> str:
    """Neutralise for a label of a Mermaid gantt, where `:`, `;`, `#` and line ends break the diagram."""
    shown = visible(text.replace("\\", "/"), 4 * limit)
    return " ".join(_LABEL_BREAKERS.sub(" ", shown).split())[:limit].strip() or "unnamed"


def github_data(text: str, limit: int = 4_000) -> str:
    """Escape the message of a workflow command; its line ends are kept, everything else is made visible.

    The runner cuts messages at 4,096 characters.
    """
    lines = (visible(line, limit) for line in text.split("\n"))
    shown = cut("\n".join(lines), limit).replace("##[", "## [")
    return shown.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def github_property(text: str, limit: int = 1_000) -> str:
    """Escape a property of a workflow command, such as file or title."""
    return github_data(visible(text, limit)).replace(":", "%3A").replace(",", "%2C")


def csv_cell(text: str, limit: int = 32_000) -> str:
    """Neutralise and quote one CSV cell; text that a spreadsheet would take for a formula gets an apostrophe."""
    text = visible(text, limit)
    if text.lstrip(" '\"").startswith(_FORMULA_STARTS):
        text = "'" + text
    return '"' + text.replace('"', '""') + '"'


def url_path(path: str) -> str:
    """Spell a path of a repository as part of a URL: everything but slashes and plain characters percent-encoded."""
    return _percent(path.replace("\\", "/"), _PATH_SAFE)


def url(text: str, schemes: tuple[str, ...] = WEB) -> str:
    """Return an http(s) URL that no markdown, HTML or terminal takes for more; anything else becomes empty."""
    return _percent(text, _URL_SAFE) if text.startswith(schemes) else ""


def _percent(text: str, safe: frozenset[int]) -> str:
    if text.isascii() and safe.issuperset(text.encode("ascii")):
        return text
    encoded = text.encode("utf-8", "surrogatepass")
    return "".join(chr(byte) if byte in safe else f"%{byte:02X}" for byte in encoded)
