"""A GitHub on loopback that remembers. Every request and every answer is checked against GitHub's description."""

import io
import json
import re
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.github import description
from tests.github.answers import ROUTES, Call, artifact_of
from tests.github.issuer import Issuer
from tests.github.refused import Refused
from tests.github.world import World

PREFIX = "/api/v3"
_ARTIFACT = re.compile(r"/actions/artifacts/(\d+)/zip$")
LEVELS = {"read": 1, "write": 2}


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    token: str
    body: object = None


@dataclass(frozen=True)
class Fault:
    """An answer that is given once instead of the right one. Status 0 hangs up without an answer."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b'{"message": "a fault"}'


@dataclass
class FakeGitHub:
    """`faults` are given first, one a request; `page` is the most items of one page."""

    world: World = field(default_factory=World)
    issuer: Issuer = field(default_factory=Issuer)
    asked: list[Asked] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    page: int = 100
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def api_url(self) -> str:
        return self.url + PREFIX

    def calls(self, method: str) -> list[str]:
        """The paths below the repository that were asked for with one method."""
        return [asked.path for asked in self.asked if asked.method == method]

    def answer(self, method: str, target: str, token: str, data: bytes) -> tuple[int, dict[str, str], object]:
        parts = urlsplit(target)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        path = parts.path.removeprefix(PREFIX)
        below = path.removeprefix(f"/repos/{self.world.repository}").removeprefix("/")
        body = json.loads(data) if data else {}
        self.asked.append(Asked(method, below, token, body or None))
        if fault := description.faults_of_request(method, path, query, data):
            self.violations.append(fault)
            return 422, {}, {"message": fault}
        status, headers, said = self._decide(method, below, query, token, body)
        shown = json.dumps(said).encode() if said is not None else b""
        if fault := description.faults_of_answer(method, path, query, data, status, shown):
            self.violations.append(fault)
            return 500, {}, {"message": fault}
        return status, headers, said

    def _decide(
        self, method: str, below: str, query: dict[str, str], token: str, body: dict[str, Any]
    ) -> tuple[int, dict[str, str], object]:
        if token not in self.world.tokens:
            return 401, {}, {"message": "Bad credentials"}
        path = tuple(below.split("/"))
        found = next((route for key, route in ROUTES.items() if _fits(key, method, path)), None)
        if found is None:
            return 404, {}, {"message": "Not Found"}
        answer, needed = found
        if needed and not any(_covers(self.world.tokens[token], *need) for need in needed.items()):
            wanted = "; ".join(f"{name.replace('-', '_')}={level}" for name, level in needed.items())
            return 403, {"X-Accepted-GitHub-Permissions": wanted}, {"message": "Resource not accessible by integration"}
        try:
            status, said = answer(Call(self.world, path, query, body))
        except Refused as refused:
            return refused.status, {}, refused.body
        return (status, *self._paged(said, below, query)) if isinstance(said, list) else (status, {}, said)

    def _paged(self, items: list[object], below: str, query: dict[str, str]) -> tuple[dict[str, str], list[object]]:
        size, number = min(int(query.get("per_page", "30")), self.page), int(query.get("page", "1"))
        shown = items[(number - 1) * size : number * size]
        if number * size >= len(items):
            return {}, shown
        more = "&".join(f"{name}={value}" for name, value in {**query, "page": str(number + 1)}.items())
        url = f"{self.api_url}/repos/{self.world.repository}/{below}?{more}"
        return {"Link": f'<{url}>; rel="next"'}, shown

    @contextmanager
    def serve(self) -> Iterator["FakeGitHub"]:
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.port = server.server_address[1]
        self.issuer.url = self.url
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def _fits(key: tuple[str, str], method: str, path: tuple[str, ...]) -> bool:
    names = key[1].split("/")
    return key[0] == method and len(names) == len(path) and all(n in ("*", p) for n, p in zip(names, path, strict=True))


def _covers(granted: Mapping[str, str], name: str, level: str) -> bool:
    return LEVELS.get(granted.get(name, ""), 0) >= LEVELS[level]


def _handler(github: FakeGitHub) -> type[BaseHTTPRequestHandler]:  # noqa: C901 - one class, which closes over the fake
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            data = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            if github.faults:
                fault = github.faults.pop(0)
                github.asked.append(Asked(self.command, self.path, token))
                if fault.status == 0:
                    self.close_connection = True
                    return
                self._send(fault.status, fault.headers, fault.body)
            elif self.path.startswith("/blob/"):
                self._send_blob(int(self.path.removeprefix("/blob/")))
            elif found := _ARTIFACT.search(self.path):
                # GitHub, "Download an artifact": a redirect to a store that takes no token of GitHub.
                github.asked.append(Asked("GET", self.path, token))
                allowed = github.world.tokens.get(token, {}).get("actions") in LEVELS
                self._send(302 if allowed else 403, {"Location": f"{github.url}/blob/{found[1]}"}, b"")
            elif issued := github.issuer.answer(self.path, token):
                self._send(issued[0], {}, json.dumps(issued[1]).encode())
            else:
                status, headers, said = github.answer(self.command, self.path, token, data)
                self._send(status, headers, json.dumps(said).encode() if said is not None else b"")

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - names of http.server

        def _send_blob(self, number: int) -> None:
            if "Authorization" in self.headers:
                self._send(400, {}, b"two ways to log in")
                return
            packed, folder = io.BytesIO(), artifact_of(github.world, number)
            with zipfile.ZipFile(packed, "w") as archive:
                for file in sorted(path for path in folder.rglob("*") if path.is_file()):
                    archive.write(file, file.relative_to(folder))
            self._send(200, {"Content-Type": "application/zip"}, packed.getvalue())

        def _send(self, status: int, headers: Mapping[str, str], data: bytes) -> None:
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the signature of http.server
            """Say nothing: tests look at what was asked."""

    return Handler
