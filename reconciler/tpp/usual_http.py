"""HTTP as nearly every exchange has it, without the work of taking it apart in general.

What is unusual is left to http.client and urllib3: a request is spelled by them once and then said again with another
body; an answer is taken here only if all of it came in one piece and can mean but one thing.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

MOST_HEADS = 32
"""How many heads of requests are learnt before all are forgotten: a run makes a handful of calls."""

_ANSWER = re.compile(rb"HTTP/1\.1 ([2-5][0-9][0-9]) [ -~]*\r\n((?:[A-Za-z0-9-]+: [!-~](?:[ -~]*[!-~])?\r\n)+)\r\n")
_LENGTHS = re.compile(rb"(?i)^content-length: ([0-9]{1,7})\r", re.MULTILINE)
_CHANGES_FRAMING = re.compile(
    rb"(?i)^(?:transfer-encoding|connection|content-encoding):|^content-length: [^\r]*[^0-9\r]", re.MULTILINE
)
_WITHOUT_BODY = (204, 304)


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
            self._values = {}
            for line in self._block.decode("ascii").split("\r\n")[:-1]:
                name, _, value = line.partition(": ")
                before = self._values.get(name.lower())
                self._values[name.lower()] = value if before is None else f"{before}, {value}"
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


@dataclass(slots=True)
class Answer:
    """A whole answer, with as much of urllib3's response as its pool asks of one."""

    status: int
    headers: Headers
    body: bytes
    version_string: str = "HTTP/1.1"
    retries: Any = None
    _connection: Any = field(default=None, repr=False)
    _pool: Any = field(default=None, repr=False)

    @property
    def length_remaining(self) -> int:
        """How much of the body has not been read."""
        return 0

    def read(self, amount: int) -> bytes:
        """Return the body, `amount` bytes at the most."""
        return self.body[:amount]

    def release_conn(self) -> None:
        """Give the connection back to the pool."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._pool._put_conn(connection)  # noqa: SLF001 - as urllib3's own response does

    def close(self) -> None:
        """Close the connection and give it back; the pool opens it anew."""
        if self._connection is not None:
            self._connection.close()
            self.release_conn()


def usual_answer(data: bytes) -> Answer | None:
    """Return the answer that `data` is from its first byte to its last; None when it may be or mean anything else."""
    head = _ANSWER.match(data)
    if head is None or _CHANGES_FRAMING.search(head[2]):
        return None
    lengths, status = _LENGTHS.findall(head[2]), int(head[1])
    if len(lengths) != 1 or status in _WITHOUT_BODY or head.end() + int(lengths[0]) != len(data):
        return None
    return Answer(status, Headers(head[2]), data[head.end() :])
