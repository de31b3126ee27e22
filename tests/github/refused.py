"""An answer of the stand-in that is an error."""

from typing import Any


class Refused(Exception):
    """What GitHub refuses, with its status and words."""

    def __init__(self, status: int, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status, self.body = status, {"message": message, "documentation_url": "https://docs.example", **more}
