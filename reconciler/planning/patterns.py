r"""Patterns over distinguished names: `*` inside one part, `**` over any number of parts, case ignored.

No pattern takes long, however it is made. What stands behind a star is looked for once: the first place where it stands
is as good as any later one, because it leaves more for what follows. So each star with the text behind it is an atomic
group, which is never tried again, and only the text at the end of a pattern is anchored there instead.
"""

import re
from functools import lru_cache

from reconciler.model.ticket import dn_key

_STARS = re.compile(r"(\\\*\*(?=\\|\Z)|\*\*|\*)")
_OR_NOTHING = "\\**"
"""Two stars behind a backslash that stand for a whole part or none: `\\VED\\**` also fits `\\VED`."""


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    chunks = _chunks(dn_key(pattern))
    spelled = ""
    for index, (star, texts) in enumerate(chunks):
        last = index + 1 == len(chunks)
        ahead = ""
        if not last and chunks[index + 1][0] == _OR_NOTHING:
            ahead = r"(?=\\|\Z)" if index + 2 == len(chunks) else r"(?=\\)"
        if star == _OR_NOTHING and last and texts == [""]:
            spelled += r"(?:\\.*)?"
        elif not star:
            spelled += _chunk(texts, ahead, last=last)
        else:
            spelled += f".*?{_chunk(texts, ahead, last=True)}" if last else f"(?>.*?{_chunk(texts, ahead, last=False)})"
    return re.compile(spelled, re.DOTALL)


def _chunks(pattern: str) -> list[tuple[str, list[str]]]:
    """Return the texts between double stars, each split at its single stars, with the double star before it."""
    first, *rest = _STARS.split(pattern)
    chunks = [("", [first])]
    for star, text in zip(rest[::2], rest[1::2], strict=True):
        if star == "*":
            chunks[-1][1].append(text)
        elif star == _OR_NOTHING and chunks[-1][0] and chunks[-1][1] == [""]:
            chunks[-1] = (chunks[-1][0], [text])  # nothing stands between two of them, so one says as much
        else:
            chunks.append((star, [text]))
    return chunks


def _chunk(texts: list[str], ahead: str, *, last: bool) -> str:
    first, *others = map(re.escape, texts)
    if not others:
        return first + ahead
    spelled = [rf"(?>[^\\]*?{text})" for text in others]
    spelled[-1] = rf"[^\\]*{others[-1]}" if last else rf"(?>[^\\]*?{others[-1]}{ahead})"
    return first + "".join(spelled)


def matches(pattern: str, name: str) -> bool:
    r"""Whether a DN fits a pattern.

    `\VED\Policy\Web\**` fits the folder itself and all below it, `\VED\**\Web` also `\VED\Web`.
    """
    return _compiled(pattern).fullmatch(dn_key(name)) is not None


def matches_any(patterns: tuple[str, ...], name: str) -> str | None:
    """Return the first pattern that the DN fits, None when there is none."""
    return next((pattern for pattern in patterns if matches(pattern, name)), None)
