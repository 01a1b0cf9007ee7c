"""The ways a command can end, each with its exit code.

An error is never a pass: promotion goes on only from an explicit, verified "accepted". Exit code 1 is
left to Python, for our own bugs.
"""

from typing import ClassVar


class ChurnError(Exception):
    """A failure that a person can act on; its message is one line: what was found, what would be right."""

    code: ClassVar[int] = 1
    kind: ClassVar[str] = "BUG"


class UsageError(ChurnError):
    """Wrong usage or configuration."""

    code = 2
    kind = "USAGE"


class RefusedError(ChurnError):
    """A gate refused."""

    code = 3
    kind = "GATE"


class UndeterminedError(ChurnError):
    """Not enough evidence: a person decides."""

    code = 4
    kind = "EVIDENCE"


class DataError(ChurnError):
    """The contract refused the data."""

    code = 5
    kind = "DATA"


class IntegrityError(ChurnError):
    """A digest, passport or record does not match what it speaks of."""

    code = 6
    kind = "INTEGRITY"


class ConflictError(ChurnError):
    """Somebody else was first: a lock, a moved champion, an older release."""

    code = 7
    kind = "CONFLICT"


class UnavailableError(ChurnError):
    """The platform does not answer; running again is safe."""

    code = 8
    kind = "UNAVAILABLE"


class LocalError(ChurnError):
    """This machine: disk, permission, a missing file."""

    code = 9
    kind = "LOCAL"
