"""What goes wrong between a connector and the service, as errors that say what to do.

::

    FreeBusyError
    ├── ApiError                 the service answered and said no; ``problem`` is its reason
    ├── ConnectorDownError       nobody answers, or the connection broke off
    │   └── NotTrustedError      somebody answers who cannot prove to be the service
    ├── UnexpectedAnswerError    an answer that is not the connector's API
    └── UnsendableError          our caller's: a value that no request can carry
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from freebusy.errors import FreeBusyError
from freebusy.wording import safe

if TYPE_CHECKING:
    from freebusy.connector.bodies import Problem

LineStep = Literal["name", "connection", "tls", "answer"]
"""What must succeed, in this order, before the service has answered."""
_LONGEST = 1000


class ApiError(FreeBusyError):
    """The service answered and said no: ``problem`` holds the status and what to do.

    ``retry_after`` is in seconds, where the service said when to come again.
    """

    def __init__(self, problem: Problem, *, retry_after: float | None = None) -> None:
        super().__init__(sentence(problem))
        self.problem = problem
        self.retry_after = retry_after

    @property
    def status(self) -> int:
        """Return the status of the answer (RFC 9110 §15)."""
        return self.problem.status


class ConnectorDownError(FreeBusyError):
    """Nobody answers; ``step`` is what failed: name, connection, tls or answer.

    After ``answer`` the request may have been carried out.
    """

    def __init__(self, reason: str, step: LineStep) -> None:
        super().__init__(reason)
        self.step = step


class NotTrustedError(ConnectorDownError):
    """The certificate is not accepted, or there is no TLS: somebody has to do something."""


class UnexpectedAnswerError(FreeBusyError):
    """Somebody answered, but not the connector's API of this version."""


class UnsendableError(FreeBusyError, ValueError):
    """A value that no request of the API can carry."""


def sentence(problem: Problem) -> str:
    """Return a problem on one line for people."""
    said = problem.detail or problem.title
    errors = [each for each in problem.errors or () if each not in said]
    return safe(": ".join([said, "; ".join(errors)] if errors else [said]), _LONGEST)
