"""What every page is made of: its styles and scripts, the policy that allows exactly these, its template and frame.

Whatever a template shows is escaped as escape.py says, unless a template made it.
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from reconciler.model.receipt import Receipt
from reconciler.model.record import Intent
from reconciler.rendering import change_records, times
from reconciler.rendering.escape import LIMIT, html, url
from reconciler.rendering.html.drawings import bar_name
from reconciler.rendering.html.table import seconds, tone_of
from reconciler.rendering.summary import found_by, parameters_in, parameters_of, to_merge
from reconciler.rendering.text.step import siblings
from reconciler.rendering.words import OUTCOMES, PROOFS, counted, found_words, override_words


@cache
def asset(name: str) -> str:
    """Return the text of a style sheet or script of this folder, without its indentation."""
    text = files("reconciler.rendering.html").joinpath(name).read_text(encoding="utf-8")
    if name.endswith(".js"):
        text = re.sub(r"\n\s+", "\n", text)
    if name.endswith(".css"):
        text = re.sub(r"\s*([{};,])\s*", r"\1", re.sub(r"\n\s*", "\n", text)).replace(": ", ":")
    return text.strip()


@cache
def style(*names: str) -> str:
    """Return the content of a page's style element."""
    return "\n".join(asset(name) for name in names)


@cache
def policy(styles: tuple[str, ...], scripts: tuple[str, ...]) -> str:
    """Return the Content-Security-Policy of a page: nothing but its own styles and scripts, named by their hashes."""
    allowed = " ".join(_hash(asset(name)) for name in scripts) or "'none'"
    return (
        f"default-src 'none'; style-src {_hash(style(*styles))}; script-src {allowed}; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}'"


if TYPE_CHECKING:
    from jinja2 import Environment

_KEPT = 4_096
"""Texts that are kept escaped: names, labels and people stand on thousands of pages."""
_SHARED = ("parts", "rows")
"""Templates whose macros every other one has at hand, in the order in which they need each other."""


def render(template: str, /, **values: object) -> str:
    """Return the text of a template."""
    return "".join(pieces(template, **values))


def pieces(template: str, /, **values: object) -> Iterator[str]:
    """Yield the text of a template piece by piece, so that a large page need not be in memory."""
    return _environment().get_template(template).generate(values)


@cache
def _environment() -> "Environment":
    """Set the templates up; only commands that make pages load the library."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    @lru_cache(_KEPT)
    def text(value: str, limit: int) -> Markup:
        return Markup(html(value, limit))  # noqa: S704 - html() is what neutralises text

    def escaped(value: object, limit: int = LIMIT) -> object:
        """Leave alone what a template made; whatever else is shown is foreign text."""
        if type(value) is Markup:
            return value
        return "" if value is None else text(str(value), limit)

    made = Environment(
        loader=PackageLoader("reconciler.rendering.html"),
        autoescape=True,
        finalize=escaped,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )

    def dn(value: object, limit: int = LIMIT) -> Markup:
        """Let a DN break behind its backslashes, and nowhere else as long as there is room."""
        return Markup(str(escaped(value, limit)).replace("\\", "\\<wbr>"))  # noqa: S704 - escaped before

    made.filters.update(_FILTERS, upto=escaped, dn=dn)
    made.tests.update(intent=lambda entry: isinstance(entry, Intent), receipt=lambda entry: isinstance(entry, Receipt))
    for name in _SHARED:
        made.globals[name] = made.get_template(f"{name}.html").module
    return made


def _entry_words(entry: Any) -> str:  # noqa: ANN401
    words = found_words(entry)
    return words[:1].upper() + words[1:]


_FILTERS: Mapping[str, Any] = {
    "bar_name": bar_name,
    "brief": times.brief_utc,
    "counted": counted,
    "entry_words": _entry_words,
    "found_by": found_by,
    "instant": lambda seconds: datetime.fromtimestamp(seconds, UTC),
    "machine": lambda when: when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    "n": lambda number: f"{number:,}",
    "outcome_tone": tone_of,
    "outcome_words": lambda outcome: OUTCOMES[outcome].cause,
    "override_words": override_words,
    "merge": to_merge,
    "proof_words": lambda proof: PROOFS[proof],
    "record_words": change_records.seen_before,
    "record_summary": change_records.summary,
    "sends": parameters_of,
    "sent": parameters_in,
    "siblings": lambda step: siblings(step, str),
    "stamp": seconds,
    "url": url,
    "utc": times.utc,
    "window": times.window,
}


PAGES = (
    ("index.html", "Open"),
    ("timeline.html", "Timeline"),
    ("ledger.html", "Ledger"),
    ("controls.html", "Controls"),
    ("plan.html", "Plan"),
)


@dataclass(frozen=True, slots=True)
class Frame:
    """What all pages of a site share. `home` is the way back to the site's root, `alone` a page without a site.

    `repository` is the URL of the repository on its forge, to which commits and pull requests link; empty for none.
    """

    title: str
    made_at: datetime
    subtitle: str = ""
    tool: str = "tpp-reconciler"
    zone: tzinfo | None = None
    repository: str = ""
    home: str = ""
    alone: bool = False


def page(
    template: str,
    frame: Frame,
    title: str,
    /,
    *,
    current: str = "",
    styles: Iterable[str] = (),
    scripts: Iterable[str] = (),
    **values: object,
) -> str:
    """Return a whole document of a template that extends page.html; `current` is the file name in the navigation."""
    sheets, code = ("base.css", *styles), ("site.js", *scripts)
    return render(
        template,
        frame=frame,
        title=title,
        current=current,
        pages=PAGES,
        zone=times.zone_name(frame.zone) if frame.zone else "UTC",
        policy=policy(sheets, code),
        style=style(*sheets),
        scripts=[asset(name) for name in code],
        **values,
    )
