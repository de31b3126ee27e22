"""What pods reach by name: github.com over HTTPS with a repository behind it; and the image that they run."""

import base64
import json
import os
import ssl
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import certifi

from tests.cluster.container import Mount
from tests.cluster.node import Image
from tests.github.fake_github import FakeGitHub
from tests.workflows.act import ROOT


class _Handler(BaseHTTPRequestHandler):
    """git's own server behind basic authentication (git documentation, "git-http-backend"), and GitHub's API."""

    github: FakeGitHub
    folder: Path
    accounts: Mapping[str, str]
    """What each password may do: `read` or `write`."""
    asked: list[tuple[str, str]]

    def do_GET(self) -> None:
        if self.headers.get("Host") == "api.github.com":
            self._api()
        else:
            self._git()

    def _api(self) -> None:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        status, headers, said = self.github.answer(self.command, self.path, token, self._body())
        data = b"" if said is None else json.dumps(said).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _git(self) -> None:
        parts = urlsplit(self.path)
        given = self.headers.get("Authorization", "").partition(" ")[2]
        password = base64.b64decode(given).decode().partition(":")[2]
        may = self.accounts.get(password, "")
        pushes = "git-receive-pack" in self.path
        self.asked.append((self.path, may))
        if not may or (pushes and may != "write"):
            self.send_response(403 if may else 401)
            self.send_header("WWW-Authenticate", 'Basic realm="GitHub"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = self._body()
        environ = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": parts.path,
            "QUERY_STRING": parts.query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REMOTE_USER": "somebody" if may == "write" else "",
            "REMOTE_ADDR": "127.0.0.1",
        }
        ran = subprocess.run(["git", "http-backend"], input=body, env=environ, capture_output=True, check=True)
        head, _, answer = ran.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.send_response(int(headers.pop("Status", "200").split()[0]))
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_GET  # noqa: N815 - the names that the base class calls

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving_github(
    github: FakeGitHub, folder: Path, accounts: Mapping[str, str], address: str, tls: ssl.SSLContext
) -> Iterator[list[tuple[str, str]]]:
    """Serve GitHub's API and the bare repositories below a folder at an address of this machine, over HTTPS.

    Yield what git asks for, with what rights.
    """
    asked: list[tuple[str, str]] = []
    members = {"github": github, "folder": folder, "accounts": accounts, "asked": asked}
    handler = type("Handler", (_Handler,), members)
    with ThreadingHTTPServer((address, 443), handler) as server:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield asked
        finally:
            server.shutdown()
            thread.join()


def image_of_this_project(hosts: Path, authorities: Path) -> Image:
    """Return what stands for the image: this machine's programs, and the project as it is installed here.

    `hosts` is how names are resolved, `authorities` whom git and Python trust; no manifest is about these.
    """
    parts = [
        Mount(path, str(path))
        for path in map(Path, ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc"))
        if path.exists()
    ]
    parts += [Mount(hosts, "/etc/hosts"), Mount(authorities, "/etc/ssl/certs/ca-certificates.crt")]
    prefix = Path(sys.base_prefix)
    if not prefix.is_relative_to("/usr"):
        parts.append(Mount(prefix, str(prefix)))
    scripts = Path(sysconfig.get_path("scripts"))
    parts += [Mount(ROOT, str(ROOT)), Mount(scripts, "/opt/reconciler/bin")]
    if not scripts.is_relative_to(ROOT):
        parts.append(Mount(Path(sys.prefix), sys.prefix))
    parts.append(Mount(authorities, certifi.where()))
    # As container/install.sh does: else each of a dozen processes would compile all modules for itself.
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(ROOT / "reconciler")], check=True)
    return Image(parts, _environment_of_the_image())


def _environment_of_the_image() -> dict[str, str]:
    text = (ROOT / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    line = next(line for line in text.splitlines() if line.startswith("ENV "))
    return dict(each.split("=", 1) for each in line.split()[1:])
