"""Which file a new ticket goes to: a pattern of the user's, filled in with what the ticket says of itself."""

import re
from datetime import datetime

PLACES = ("year", "month", "day", "folder", "object")
_HOLE = re.compile(r"\{([^{}]*)\}")
_UNSAFE = re.compile(r"[^\w.-]+")
_LONGEST = 60


def check_pattern(pattern: str) -> None:
    """Raise ValueError when a pattern has a hole that nothing fills, leaves its folder, or names no YAML file."""
    unknown = [name for name in _HOLE.findall(pattern) if name not in PLACES]
    if unknown:
        raise ValueError(f"{{{unknown[0]}}} is unknown; the pattern may hold {', '.join(f'{{{p}}}' for p in PLACES)}")
    if not pattern.endswith((".yaml", ".yml")):
        raise ValueError("the pattern must end in .yaml")
    if ".." in pattern.replace("\\", "/").split("/"):
        raise ValueError("the pattern must not leave its folder with ..")


def file_for(pattern: str, object_dn: str, created: datetime) -> str:
    r"""Return the path for a ticket. `{folder}` is the policy folder above the object, `{object}` its own name.

    Names from the server become safe parts of a path: `\VED\Policy\Web Tier\www` gives folder `web-tier`.
    """
    parts = [part for part in object_dn.split("\\") if part]
    filled = {
        "year": f"{created:%Y}",
        "month": f"{created:%m}",
        "day": f"{created:%d}",
        "folder": _safe(parts[-2] if len(parts) > 1 else ""),
        "object": _safe(parts[-1] if parts else ""),
    }
    return _HOLE.sub(lambda hole: filled[hole.group(1)], pattern)


def _safe(name: str) -> str:
    return _UNSAFE.sub("-", name.casefold()).strip("-.")[:_LONGEST] or "tickets"
