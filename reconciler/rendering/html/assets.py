"""The styles and scripts that stand in every page, and the policy that allows exactly these."""

import base64
import hashlib
import re
from functools import cache
from importlib.resources import files


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
