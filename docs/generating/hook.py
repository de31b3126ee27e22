"""Hands the generated pages to MkDocs while it builds, so that they can never be stale and are in no commit."""

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from docs.generating.pages import PAGES


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add every generated page."""
    for path, write in PAGES.items():
        files.append(File.generated(config, path, content=write()))
    return files
