"""The champion alias back to the version that served before; nothing is retrained, nothing deleted."""

from dataclasses import dataclass, replace

from churn.data.store import Store
from churn.errors import ConflictError
from churn.governance import ledger, passport
from churn.governance.champion import move_champion, present_champion
from churn.governance.ledger import Move
from churn.governance.registry import Registry


@dataclass(frozen=True)
class RolledBack:
    """Which version serves now, and which one was taken back."""

    version: int | None
    taken_back: int | None
    moved: bool

    def __str__(self) -> str:
        if not self.moved:
            return f"nothing to do, version {self.taken_back} does not serve, version {self.version} does"
        return f"version {self.version} is champion again, version {self.taken_back} taken back"


def rollback(store: Store, number: int | None = None) -> RolledBack:
    """Take a version back (the champion by default) and return to the one before it, by the ledger.

    With ``number`` running again is safe: a version that no longer serves is not taken back twice. An
    interrupted rollback is finished first. Needs no training data and asks no gate, but verifies the files of
    the version it returns to. Raises ConflictError when there is nothing to return to, IntegrityError when
    alias, ledger or files disagree.
    """
    registry = Registry(store)
    champion, interrupted = present_champion(store, registry), ledger.unfinished(store)
    if interrupted and interrupted.action == "rollback":
        return _move(store, registry, interrupted)
    if number is not None and number != champion:
        return RolledBack(champion, number, moved=False)
    return _move(store, registry, _previous(ledger.champions(store), champion))


def _move(store: Store, registry: Registry, move: Move) -> RolledBack:
    version = registry.load(move.to_version).version
    sealed = version.tags.get(passport.TAG, "")
    move_champion(store, registry, replace(move, passport_digest=sealed))
    return RolledBack(move.to_version, move.from_version, moved=True)


def _previous(line: list[int], champion: int | None) -> Move:
    if len(line) < 2:
        raise ConflictError(f"champion {champion} has no version before it; there is nothing to return to")
    return Move("rollback", line[-1], line[-2], "", "")
