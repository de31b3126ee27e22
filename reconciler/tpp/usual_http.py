"""HTTP as nearly every exchange has it, without the work of taking it apart in general.

What is unusual is left to http.client and urllib3: a request is spelled by them once and then said again with another
body; an answer is taken here only if all of it came in one piece and can mean but one thing.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

MOST_HEADS = 32
"""How many heads of requests are learnt before all are forgotten: a run makes a handful of calls."""

_HEAD = re.compile(rb"HTTP/1\.1 ([2-5][0-9][0-9]) [ -~]*\r\n((?:[A-Za-z0-9-]+: [!-~](?:[ -~]*[!-~])?\r\n)+)\r\n")
_LENGTHS = re.compile(rb"(?i)^content-length: ([0-9]{1,7})\r", re.MULTILINE)
_CHANGES_FRAMING = re.compile(
    rb"(?i)^(?:transfer-encoding|connection|content-encoding):|^content-length: [^\r]*[^0-9\r]", re.MULTILINE
)
_WITHOUT_BODY = (204, 304)
_END_OF_HEAD = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Head:
    """A request as http.client spells it, up to the length of its body, and from there to the body."""

    before: bytes
    after: bytes

    def request(self, body: bytes) -> bytes:
        """Return the request with this body."""
        return b"%b%d%b%b" % (self.before, len(body), self.after, body)


def learn(request: bytes, body: bytes) -> Head | None:
    """Return the head of a request that http.client has spelled; None when the place of the length is not plain."""
    head, end, said = request.partition(b"\r\n\r\n")
    before, name, rest = head.partition(b"\r\nContent-Length: ")
    length, line_end, others = rest.partition(b"\r\n")
    if said != body or not end or not name or length != str(len(body)).encode():
        return None
    return Head(before + name, line_end + others + end)


class Headers(Mapping[str, str]):
    """The headers of an answer, taken apart once somebody asks; names are compared without case."""

    __slots__ = ("_block", "_values")

    def __init__(self, block: bytes) -> None:
        """Take the lines of the headers."""
        self._block = block
        self._values: dict[str, str] | None = None

    @property
    def _found(self) -> dict[str, str]:
        if self._values is None:
            values: dict[str, str] = {}
            for line in self._block.decode("ascii").split("\r\n")[:-1]:
                name, _, value = line.partition(": ")
                before = values.get(name.lower())
                values[name.lower()] = value if before is None else f"{before}, {value}"
            self._values = values  # at once: answers that begin alike share their headers, in all threads
        return self._values

    def __getitem__(self, name: str) -> str:
        """Return one header; one that stands more than once as one, as HTTP means it. Raises KeyError."""
        return self._found[name.lower()]

    def __iter__(self) -> Iterator[str]:
        """Give the names in lower case."""
        return iter(self._found)

    def __len__(self) -> int:
        """Count the headers."""
        return len(self._found)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as it came. Header names are compared without case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


def usual_answer(data: bytes) -> Reply | None:
    """Return the answer that `data` is from its first byte to its last; None when it may be or mean anything else."""
    end = data.find(_END_OF_HEAD) + len(_END_OF_HEAD)
    usual = _usual_head(data[:end])
    if usual is None or end + usual[2] != len(data):
        return None
    return Reply(usual[0], usual[1], data[end:])


@lru_cache(maxsize=64)
def _usual_head(head: bytes) -> tuple[int, Headers, int] | None:
    """Return status, headers and length of the body, None for what is unusual.

    Most answers of one second begin with the same bytes, which is why they are kept.
    """
    match = _HEAD.fullmatch(head)
    if match is None or _CHANGES_FRAMING.search(match[2]):
        return None
    lengths, status = _LENGTHS.findall(match[2]), int(match[1])
    if len(lengths) != 1 or status in _WITHOUT_BODY:
        return None
    return status, Headers(match[2]), int(lengths[0])
