"""Markdown as GitHub shows it: its own renderer, and what its style sheet says of the elements that a comment has."""

import cmarkgfm
from cmarkgfm.cmark import Options

STYLE = """
body { margin: 0; font: 14px/1.5 -apple-system, "Segoe UI", "Noto Sans", Helvetica, Arial, sans-serif; color: #1f2328 }
.markdown-body { padding: 16px; overflow-wrap: break-word; word-wrap: break-word; max-width: 900px }
h2 { font-size: 1.5em; border-bottom: 1px solid #d1d9e0; padding-bottom: .3em; margin: 24px 0 16px }
h3 { font-size: 1.25em; margin: 24px 0 16px }
p, ul, details { margin: 0 0 16px } ul { padding-left: 2em } li + li { margin-top: .25em } a { color: #0969da }
code { padding: .2em .4em; font-size: 85%; white-space: break-spaces; background: #818b981f; border-radius: 6px }
pre { padding: 16px; overflow: auto; font-size: 85%; background: #f6f8fa } pre code { white-space: pre; padding: 0 }
table { display: block; width: max-content; max-width: 100%; overflow: auto; border-collapse: collapse }
th, td { padding: 6px 13px; border: 1px solid #d1d9e0 }
"""
"""What GitHub's style sheet (github-markdown-css) says."""


def page_of(markdown: str, title: str) -> str:
    """Return a whole page with the markdown in it."""
    body = cmarkgfm.github_flavored_markdown_to_html(markdown, options=Options.CMARK_OPT_UNSAFE)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<title>{title}</title><style>{STYLE}</style><body><div class="markdown-body">{body}</div></body></html>'
    )
