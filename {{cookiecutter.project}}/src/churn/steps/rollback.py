"""The champion alias back to the version that served before; nothing is retrained, nothing deleted."""

from dataclasses import dataclass

from churn.data.store import Store
from churn.errors import ConflictError
from churn.governance import ledger, passport
from churn.governance.champion import move_champion, present_champion
from churn.governance.ledger import Move
from churn.governance.registry import Registry


@dataclass(frozen=True)
class RolledBack:
    """Which version serves again, and which one was taken back."""

    version: int
    taken_back: int

    def __str__(self) -> str:
        return f"version {self.version} is champion again, version {self.taken_back} taken back"


def rollback(store: Store) -> RolledBack:
    """Return to the champion before the present one, by the ledger; an interrupted rollback is finished.

    Needs no training data and asks no gate, but verifies the files of the version it returns to. Raises
    ConflictError when there is nothing to return to, IntegrityError when alias, ledger or files disagree.
    """
    registry = Registry(store)
    champion, move = present_champion(store, registry), ledger.unfinished(store)
    if move is None or move.action != "rollback":
        move = _previous(ledger.champions(store), champion)
    version = registry.load(move.to_version).version
    move = Move("rollback", move.from_version, move.to_version, "", version.tags.get(passport.TAG, ""))
    move_champion(store, registry, move)
    return RolledBack(move.to_version, move.from_version or 0)


def _previous(line: list[int], champion: int | None) -> Move:
    if len(line) < 2:
        raise ConflictError(f"champion {champion} has no version before it; there is nothing to return to")
    return Move("rollback", line[-1], line[-2], "", "")
