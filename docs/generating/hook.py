"""Hands the generated pages to MkDocs while it builds, so that they can never be stale and are in no commit."""

import re

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from docs.generating.pages import PAGES

_CODE = re.compile(r"(<pre\b.*?</pre>)|(?<=<code>)([^<]+)(?=</code>)", re.DOTALL)
_LONG = 18
_JOINT = re.compile(r"([./_|=\\\]]|&amp;)(?=[^\s./_|=\\\]])")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add every generated page."""
    for path, write in PAGES.items():
        files.append(File.generated(config, path, content=write()))
    return files


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001 - MkDocs names them
    """Let long names break behind their joints, and only there."""
    return _CODE.sub(lambda found: found[1] or _breakable(found[2]), html)


def _breakable(name: str) -> str:
    return _JOINT.sub(r"\1<wbr>", name) if len(name) > _LONG else name
