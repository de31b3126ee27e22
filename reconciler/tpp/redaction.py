"""What may be shown of an answer: one line, without control characters and without our own secrets."""

import html
from dataclasses import dataclass, field
from urllib.parse import quote

from reconciler.codec import json_line
from reconciler.tpp import wire
from reconciler.tpp.secrets import Secret

_SHOWN = 160
_LOOKED_AT = 4096
_SEARCHED = 1 << 17


def one_line(text: str, limit: int = _SHOWN) -> str:
    """Return the text on one line: everything that a terminal could act upon becomes U+FFFD."""
    line = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text[: limit + 1])
    return line if len(line) <= limit else line[:limit] + "…"


@dataclass(slots=True)
class Redactor:
    """Quotes from answers. It knows every secret of the run, for servers that echo what they were sent."""

    _hidden: tuple[str, ...] = field(default=(), repr=False)

    def hide(self, *secrets: Secret | None) -> None:
        """Never show these texts, as they are or as URLs, HTML and JSON spell them."""
        texts = [secret.reveal() for secret in secrets if secret is not None]
        spelled = [(text, quote(text, safe=""), html.escape(text), json_line(text)[1:-1]) for text in texts]
        known = {*self._hidden, *(each for spellings in spelled for each in spellings)}
        self._hidden = tuple(sorted(known, key=len, reverse=True))

    def first_line(self, body: bytes) -> str:
        """Return the first line that is not blank, quoted, or the word "nothing"."""
        text = self._without_secrets(body[:_SEARCHED].decode("utf-8", "replace"))[:_LOOKED_AT]
        line = next((line.strip() for line in text.splitlines() if line.strip()), "")
        return f'"{one_line(line)}"' if line else "nothing"

    def refusal(self, body: bytes) -> str:
        """Return the server's reason for a refusal: OAuth's error and description, or the first line."""
        try:
            members = wire.read_members(body)
            words = [wire.text(members, name) for name in ("error", "error_description")]
        except wire.BadAnswer:
            words = []
        message = ": ".join(filter(None, words))
        return f'"{self.clean(message)}"' if message else self.first_line(body)

    def clean(self, text: str) -> str:
        """Return a text of the server, neutral and without our secrets."""
        return one_line(self._without_secrets(text))

    def _without_secrets(self, text: str) -> str:
        for hidden in self._hidden:
            text = text.replace(hidden, "***")
        return text
