"""The one tree of expected failures. Each says what happened and what to do; none knows an exit code."""

from reconciler.model.decision import Problem


class ReconcilerError(Exception):
    """An expected failure: `message` says what happened and where, `hint` what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        """Keep both sentences apart, so that every output can set them in its own way."""
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def in_words(self) -> str:
        """Both sentences in one line, for where there is room for one."""
        return f"{self.message}; {self.hint}" if self.hint else self.message


class InvalidInput(ReconcilerError):
    """Manifests, configuration or a plan file can't be used; `problems` has every fault that was found."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        """Take all faults at once; the message is that of the first."""
        first = problems[0]
        super().__init__(f"{first.source}: {first.message}", first.hint)
        self.problems = problems


class UnusableOutput(InvalidInput):
    """A file that the command line asks for can't be written there, or would replace something else."""


class UnclearName(ReconcilerError):
    """A name on the command line means several tickets, or none; `hint` lists the candidates."""


class GuardRefused(ReconcilerError):
    """A guard refuses the whole run: a limit, a stop, a stale or foreign plan."""


class ServerFailure(ReconcilerError):
    """The server, the network or the credentials do not let the run go on."""


class ServerAway(ServerFailure):
    """The server could not be reached, or had no time: the same may be asked later."""


class NotAttempted(ServerFailure):
    """There is a plan, and the server was away before its first step: the same command may do it later."""


class CredentialsRefused(ServerFailure):
    """The credentials are missing, expired, revoked or lack a scope."""


class LedgerBroken(ReconcilerError):
    """The ledger is broken: nothing that it says can be built on."""


class LedgerNewer(LedgerBroken):
    """A newer release wrote the ledger: it is not broken, and this release does not understand it."""


class LedgerUnwritable(ReconcilerError):
    """The ledger could not be written and synced, so nothing may be sent."""


class LedgerNotPushed(LedgerUnwritable):
    """The ledger's branch did not take what was written, so that nobody else can find it."""


class LockHeld(ReconcilerError):
    """Another run holds the lock of the ledger."""
