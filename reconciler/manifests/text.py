"""Reads files of strangers: regular files inside the repository, and text which shows what it says.

A pull request can hold links, so what a path leads to counts and not its name: a token of this machine must never be
read as a manifest.
"""

import os
import re
import stat
import unicodedata
from collections.abc import Collection, Iterable
from pathlib import Path as File

from reconciler.manifests.problems import Code
from reconciler.model.decision import Problem, Source

LARGEST = 64 * 1024 * 1024
"""Bytes. Some 300,000 decisions."""

_PIECE = 1 << 16
_CONTROL = bytes(code for code in (*range(32), 127) if code not in b"\t\n\r")
_CONTROL_PATTERN = re.compile(b"[" + re.escape(_CONTROL) + b"]")
_HIDDEN = re.compile("[\x80-\x9f\u2028\u2029]")
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]")
_INVISIBLE = re.compile("[\u200b\u2060\ufeff\u00ad]")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_OTHER_MARKS = {
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
_BREAK = "character {} is a line break to YAML and none to most reviewers"
_BREAK_HINT = "remove it, and end lines with line feeds"
_SAVE_AS = "save the file as UTF-8"


class Unreadable(Exception):
    """A file can't be used as text; `problem` says why."""

    def __init__(self, problem: Problem) -> None:
        """Carry the problem to whoever gathers them."""
        super().__init__(problem.message)
        self.problem = problem


def repository_of(configuration: str | None) -> str:
    """Return the folder that manifests have to lie in: the top of git's checkout, else the configuration's own."""
    folder = File(configuration or ".").absolute().parent if configuration else File.cwd()
    top = next((each for each in (folder, *folder.parents) if (each / ".git").exists()), folder)
    return os.path.realpath(top)


def read_text(file: str, root: str | None = None) -> bytes:
    """Return the text of a file as UTF-8 without byte order mark. Raises Unreadable with the reason.

    `root` is what `repository_of` gives, that of the working directory if left out.
    """
    data = _read(file, root or repository_of(None))
    for mark, encoding in _OTHER_MARKS.items():
        if data.startswith(mark):
            raise _unreadable(file, Code.FILE_ENCODING, f"the file is {encoding}, not UTF-8", _SAVE_AS)
    data = data.removeprefix(_BYTE_ORDER_MARK)
    if len(data.translate(None, _CONTROL)) != len(data):
        _refuse_control(file, data)
    if data.count(b"\r") != data.count(b"\r\n"):
        at = (data, re.search(rb"\r(?!\n)", data).start())  # type: ignore[union-attr]
        raise _unreadable(file, Code.FILE_CONTROL, _BREAK.format("U+000D"), _BREAK_HINT, at)
    if not data.isascii():
        _check_beyond_ascii(file, data)
    return data


def _read(file: str, root: str) -> bytes:
    try:
        real = os.path.realpath(file)
        if not is_below(real, bounds(file, root)):
            hint = "put the file itself there instead of the link"
            raise _unreadable(file, Code.FILE_LINK, "this link leads out of the repository", hint)
        about = os.stat(real)  # noqa: PTH116 - a Path for each of thousands of files costs more than the call
        _refuse_special(file, about.st_mode)
        descriptor = os.open(real, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            about = os.fstat(descriptor)  # what is open now counts
            _refuse_special(file, about.st_mode)
            if about.st_size > LARGEST:
                message = f"the file has {about.st_size:,} bytes, more than {LARGEST:,}"
                raise _unreadable(file, Code.FILE_TOO_LARGE, message, "split it over several files")
            return _content(descriptor, about.st_size)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        raise _unreadable(file, Code.FILE_MISSING, "there is no such file or folder", "check the path") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        message = f"the file can't be read: {reason[:1].lower()}{reason[1:]}"
        raise _unreadable(file, Code.FILE_UNREADABLE, message, "check its permissions and what it links to") from None


def bounds(file: str, root: str) -> str:
    """Return the folder that a file has to lie in: the repository, or its own when somebody named one outside."""
    folder = os.path.dirname(os.path.abspath(file))  # noqa: PTH100, PTH120 - as in _read
    if is_below(folder, root):
        return root
    outer = folder
    while (outer := os.path.dirname(outer)) != os.path.dirname(outer):  # noqa: PTH120 - as above
        if os.path.realpath(outer) == root:
            return root  # named by way of a link above the repository
    return os.path.realpath(folder)


def is_below(path: str, folder: str) -> bool:
    """Whether a real path is that of a folder, or of something below it."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def folder_key(path: str) -> str:
    """Return a path as it is compared: without `.`, `..` and doubled slashes, without case, composed.

    Some file systems know one name for what others tell apart.
    """
    return unicodedata.normalize("NFC", os.path.normpath(path)).casefold()


def folders_above(names: Iterable[str], config: str | None, paths: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Return for each manifest those of the folders that it lies below, the most specific one first.

    Folders are named relative to the configuration. Links are followed on both sides, so that no other way to a file
    leads around the rules of its folder.
    """
    home = os.path.dirname(os.path.abspath(config)) if config else os.getcwd()  # noqa: PTH100, PTH109, PTH120
    places = {folder_key(os.path.realpath(os.path.join(home, name))): name for name in names}  # noqa: PTH118
    known: dict[str, tuple[str, ...]] = {}
    for folder in {os.path.dirname(path) for path in paths} if places else ():  # noqa: PTH120
        found, place = [], folder_key(os.path.realpath(folder))
        while True:
            if place in places:
                found.append(places[place])
            outer = os.path.dirname(place)  # noqa: PTH120
            if outer == place:
                break
            place = outer
        known[folder] = tuple(found)
    return {path: known[os.path.dirname(path)] for path in paths} if places else {}  # noqa: PTH120


def _refuse_special(file: str, mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
        raise _unreadable(file, Code.FILE_NOT_REGULAR, f"this is {kind}", "name a file of text")


def _content(descriptor: int, size: int) -> bytes:
    parts = [os.read(descriptor, size + 1)]
    if len(parts[0]) == size:
        return parts[0]
    while parts[-1]:  # the file has grown, or comes in pieces
        parts.append(os.read(descriptor, _PIECE))
    return b"".join(parts)


def _refuse_control(file: str, data: bytes) -> None:
    if data[:4].count(0) >= 2 or data[:200].count(0) * 3 > len(data[:200]):
        raise _unreadable(file, Code.FILE_ENCODING, "the file looks like UTF-16 or UTF-32, not UTF-8", _SAVE_AS)
    found = _CONTROL_PATTERN.search(data)
    if found is not None:
        message = f"control character U+{found[0][0]:04X} is not allowed"
        raise _unreadable(file, Code.FILE_CONTROL, message, "remove it; no editor would show it", (data, found.start()))


def _check_beyond_ascii(file: str, data: bytes) -> None:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        guess = data[error.start : error.start + 1].decode("cp1252", "replace")
        message = f"byte 0x{data[error.start]:02X} is not UTF-8"
        hint = f"{_SAVE_AS}; in Windows-1252 this would be `{guess}`"
        raise _unreadable(file, Code.FILE_ENCODING, message, hint, (data, error.start)) from None
    if hidden := _HIDDEN.search(text):
        named = f"U+{ord(hidden[0]):04X}"
        is_break = hidden[0] in "\x85\u2028\u2029"
        message = _BREAK.format(named) if is_break else f"control character {named} is not allowed"
        raise _unreadable(file, Code.FILE_CONTROL, message, _BREAK_HINT, (data, len(text[: hidden.start()].encode())))
    if hidden := _INVISIBLE.search(text):
        message = f"character U+{ord(hidden[0]):04X} is invisible, so that two names can look alike"
        at = (data, len(text[: hidden.start()].encode()))
        raise _unreadable(file, Code.FILE_CONTROL, message, "remove it; it comes from a copied text", at)
    if hidden := _BIDI.search(text):
        message = f"character U+{ord(hidden[0]):04X} changes the direction of text, so that a review can be deceived"
        at = (data, len(text[: hidden.start()].encode()))
        raise _unreadable(file, Code.FILE_BIDI, message, "remove it", at)


def _unreadable(file: str, code: Code, message: str, hint: str, at: tuple[bytes, int] | None = None) -> Unreadable:
    if at is None:
        return Unreadable(Problem(code, Source(file), message, hint))
    data, offset = at
    line_start = data.rfind(b"\n", 0, offset) + 1
    column = len(data[line_start:offset].decode("utf-8", "replace")) + 1
    return Unreadable(Problem(code, Source(file, data.count(b"\n", 0, offset) + 1, column), message, hint))
