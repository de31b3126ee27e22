"""The frame of every page: head with its policy, navigation, tools, footer. Bodies come as finished HTML."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from reconciler.codec import compact
from reconciler.rendering import times
from reconciler.rendering.escape import html, url, visible
from reconciler.rendering.html.assets import asset, policy, style

PAGES = (
    ("index.html", "Open"),
    ("timeline.html", "Timeline"),
    ("ledger.html", "Ledger"),
    ("controls.html", "Controls"),
    ("plan.html", "Plan"),
)
_SCRIPT_BREAKERS = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


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
    frame: Frame,
    title: str,
    body: str,
    *,
    current: str = "",
    styles: Iterable[str] = (),
    scripts: Iterable[str] = (),
) -> str:
    """Return a whole document. `body` is HTML that is neutral already; `current` the file name in the navigation."""
    sheets = ("base.css", *styles)
    code = ("site.js", *scripts)
    name = html(frame.title, 80)
    zone = times.zone_name(frame.zone) if frame.zone else "UTC"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy(sheets, code)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{html(title, 120)} · {name}</title>\n<style>{style(*sheets)}</style>\n</head>\n<body>\n"
        '<a class="skip" href="#main">Skip to the content</a>\n'
        '<header class="top"><div class="wrap">'
        f'<div class="brand">{name}<span>{html(frame.subtitle, 120)}</span></div>\n'
        f"{_navigation(frame, current)}"
        '<div class="tools"><label>Times in <select id="zone" data-zone="'
        f'{html(zone)}"><option>UTC</option></select></label>'
        '<button id="theme" type="button">Theme</button></div></div></header>\n'
        f'<main id="main"><div class="wrap">\n{body}</div></main>\n'
        f'<footer><div class="wrap">Made {moment(frame.made_at)} by {html(frame.tool, 80)}. '
        "This page is a snapshot; the ledger and TPP are authoritative.</div></footer>\n"
        + "".join(f"<script>{asset(name)}</script>\n" for name in code)
        + "</body>\n</html>\n"
    )


def _navigation(frame: Frame, current: str) -> str:
    if frame.alone:
        return ""
    links = "".join(
        f'<a href="{frame.home}{path}"{" aria-current=page" if path == current else ""}>{label}</a>'
        for path, label in PAGES
    )
    return f'<nav aria-label="Pages">{links}</nav>\n'


def moment(when: datetime, *, bare: bool = False) -> str:
    """Return an instant as a time element that follows the reader's choice of zone; without scripts it is UTC."""
    machine = when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    text = times.utc(when)
    return (
        f'<time datetime="{machine}"{" data-bare" if bare else ""}>{text.removesuffix(" UTC") if bare else text}</time>'
    )


def data(value: object, name: str) -> str:
    """Return values as a JSON block that scripts read; nothing in it can end the element."""
    text = compact(value)
    for breaker, escape in _SCRIPT_BREAKERS.items():
        if breaker in text:
            text = text.replace(breaker, escape)
    return f'<script type="application/json" id="{name}">{text}</script>\n'


def plain(text: str, limit: int = 500) -> str:
    """Neutralise text that goes into a JSON block; scripts set it as text, never as HTML."""
    return visible(text, limit)


def link(target: str, text: str) -> str:
    """Return a link when the target is an http(s) URL, else the text; the text is neutralised here."""
    safe = url(target)
    return f'<a href="{html(safe, 2_000)}">{html(text)}</a>' if safe else html(text)


def facts(pairs: Iterable[tuple[str, str]], *, big: bool = False) -> str:
    """Return a list of names and values (finished HTML); empty values are left out."""
    size = ' class="big"' if big else ""
    items = "".join(f"<div><dt>{name}</dt><dd{size}>{value}</dd></div>" for name, value in pairs if value)
    return f'<dl class="facts">{items}</dl>\n'


def small_table(title: str, heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a heading and a table of finished HTML cells; a head that starts with # has numbers below it."""
    names = tuple(heads)
    classes = [" class=num" if name.startswith("#") else "" for name in names]
    head = "".join(
        f'<th scope="col"{number}>{name.lstrip("#")}</th>' for name, number in zip(names, classes, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f'<td{number} data-label="{name.lstrip("#")}">{cell}</td>'
            for cell, number, name in zip(row, classes, names, strict=True)
        )
        + "</tr>\n"
        for row in rows
    )
    return (
        f"<h2>{title}</h2>\n<table class=small><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>\n"
        if body
        else ""
    )


def badge(text: str, tone: str = "") -> str:
    """Return a word in a tone of the style sheet; the word is neutralised here."""
    return f'<span class="badge {tone}">{html(text, 60)}</span>'
