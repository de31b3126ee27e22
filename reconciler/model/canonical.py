"""Canonical JSON and its SHA-256, so that equal meanings have equal bytes and equal digests."""

import hashlib
import json
from collections.abc import Mapping, Sequence

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)

_quoted = json.encoder.encode_basestring_ascii


def canonical(value: Json) -> bytes:
    """Return the one spelling of a JSON value: sorted keys, no blanks, ASCII. Raises ValueError for NaN."""
    return _ENCODER.encode(value).encode("ascii")


def canonical_text(value: str | None) -> str:
    """Return the canonical spelling of a text, or of none, as a part of a larger spelling."""
    return "null" if value is None else _quoted(value)


def sha256(data: bytes) -> str:
    """Return the digest of bytes as `sha256:<64 hex digits>`."""
    return "sha256:" + hashlib.sha256(data).hexdigest()
