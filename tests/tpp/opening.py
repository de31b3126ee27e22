"""Open sessions against a server of a test, with a clock that a test owns."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from reconciler.model.settings import Auth, Requests, Settings, Tls
from reconciler.tpp.secrets import Secret, Secrets
from reconciler.tpp.session import Session, open_session
from tests.fakes import FakeClock

TOKEN = "4MyGeneratedBearerTknz=="


def no_jitter() -> float:
    return 1.0


@contextmanager
def session_with(
    url: str,
    *,
    clock: FakeClock | None = None,
    auth: Auth = Auth(),
    tls: Tls = Tls(),
    secrets: Secrets | None = None,
    id_token: Any = None,
    **limits: Any,
) -> Iterator[Session]:
    settings = Settings(
        server=url, auth=auth, tls=tls, requests=Requests(**({"reads": 4, "writes": 2, "wait": 0.0} | limits))
    )
    given = secrets or Secrets(token=Secret(TOKEN))
    with open_session(settings, given, clock or FakeClock(), id_token=id_token, jitter=no_jitter) as session:
        yield session
