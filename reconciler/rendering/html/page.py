"""The frame of every page: what its head and its policy name. The rest stands in templates/page.html."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo

from reconciler.rendering import times
from reconciler.rendering.html.assets import asset, policy, style
from reconciler.rendering.html.templates import render

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
