"""The smallest client: what the tests say over the wire, spelled out."""

from typing import Any, Self

import requests

TICKET = "/vedsdk/workflow/ticket/"


class Client:
    """One keep-alive connection with a bearer token."""

    def __init__(self, url: str, token: str | None) -> None:
        self.url = url
        self.session = requests.Session()
        self.session.trust_env = False
        if token:
            self.session.headers["Authorization"] = f"Bearer {token}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.session.close()

    def post(self, path: str, **body: Any) -> requests.Response:
        return self.session.post(self.url + path, json=body, timeout=10, allow_redirects=False)

    def get(self, path: str) -> requests.Response:
        return self.session.get(self.url + path, timeout=10, allow_redirects=False)

    def ticket(self, method: str, guid: str | None = None, **body: Any) -> Any:
        """The answer of one ticket call as JSON."""
        return self.post(TICKET + method, **({"GUID": guid} if guid else {}), **body).json()

    def update(self, guid: str, status: str, **body: Any) -> int:
        """The Result of an UpdateStatus."""
        result: int = self.ticket("updatestatus", guid, Status=status, **body)["Result"]
        return result
