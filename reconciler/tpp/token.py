"""The token of a run: shared by all threads, renewed by one of them while the others wait."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock

from reconciler.errors import CredentialsRefused, ReconcilerError
from reconciler.tpp.secrets import Secret
from reconciler.tpp.transport import PLAIN_HEADERS

Renew = Callable[[], Secret]
"""Gets a new access token. Raises ServerFailure."""


@dataclass(frozen=True, slots=True)
class Token:
    """The headers that carry one token. `generation` counts the tokens of this run."""

    generation: int
    headers: Mapping[str, str] = field(repr=False)


class CurrentToken:
    """Holds the current access token. Without `renew` a token that is refused stays refused."""

    def __init__(self, token: Secret, renew: Renew | None = None) -> None:
        """Start with a token that was given or just granted. Raises CredentialsRefused for what can't be one."""
        self._lock = Lock()
        self._renew = renew
        self._token = _token(0, token)
        self._worked_until = -1
        self._refusal: str | None = None

    def current(self) -> Token:
        """Return the token to send now."""
        return self._token

    def worked(self, used: Token) -> None:
        """Note that the server took this token."""
        if used.generation > self._worked_until:
            self._worked_until = used.generation

    def renewed(self, refused: Token) -> bool:
        """Return whether there is a token newer than the refused one, getting it when no other thread has.

        Each token is renewed at most once, a failed renewal is not tried again, and a token that never worked is
        not renewed: a server that refuses everything must not make us ask for grants without end.
        """
        with self._lock:
            if self._token.generation > refused.generation:
                return True
            if self._renew is None or self._refusal is not None:
                return False
            if self._worked_until < refused.generation > 0:
                self._refusal = "the server refused the token that it had just granted"
                return False
            try:
                self._token = _token(refused.generation + 1, self._renew())
            except ReconcilerError as error:
                self._refusal = error.message
                return False
            return True

    @property
    def renewable(self) -> bool:
        """Whether the run can get a newer token by itself."""
        return self._renew is not None

    @property
    def refusal(self) -> str:
        """Why there is no newer token, "" when nobody tried to get one."""
        return self._refusal or ""


def _token(generation: int, secret: Secret) -> Token:
    text = secret.reveal()
    if not text.isascii() or " " in text:
        raise CredentialsRefused(
            "the access token holds characters that no token has", "check the variable or the file that it comes from"
        )
    return Token(generation, {**PLAIN_HEADERS, "Authorization": f"Bearer {text}"})
