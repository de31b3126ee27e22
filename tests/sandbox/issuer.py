"""An issuer of JWTs on loopback that publishes its keys, as CI systems do."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from tests.builders import NOW

KEY = ec.generate_private_key(ec.SECP256R1())
OTHER_KEY = ec.generate_private_key(ec.SECP256R1())


@dataclass
class Issuer:
    """`broken` makes it answer 500, `asked` counts what it was asked for."""

    url: str = ""
    broken: bool = False
    asked: list[str] = field(default_factory=list)

    def sign(self, key: Any = KEY, kid: str | None = "k1", algorithm: str = "ES256", **claims: Any) -> str:
        now = int(NOW.timestamp())
        said = {
            "iss": self.url,
            "aud": "https://tpp.example.com/vedauth",
            "sub": "repo:acme/approvals",
            "exp": now + 300,
        }
        headers = {"kid": kid} if kid else {}
        return jwt.encode(said | claims, key, algorithm=algorithm, headers=headers)

    def answer(self, path: str) -> Any:
        if path == "/keys":
            public = jwt.algorithms.ECAlgorithm.to_jwk(KEY.public_key(), as_dict=True)
            return {"keys": [{**public, "kid": "k1", "use": "sig", "alg": "ES256"}]}
        return {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}


@contextmanager
def running_issuer() -> Iterator[Issuer]:
    issuer = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.asked.append(self.path)
            body = json.dumps(issuer.answer(self.path)).encode()
            self.send_response(500 if issuer.broken else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        issuer.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield issuer
        finally:
            server.shutdown()
            thread.join()
