"""Moving the champion alias: announce in the ledger, move, read back, close.

No registry offers compare-and-set, so correctness comes from this order. A crash before the alias moves
leaves the old champion serving; a crash after it leaves an announced move, which the next command closes.
"""

from churn.data.store import Store
from churn.errors import IntegrityError
from churn.governance import ledger
from churn.governance.ledger import Move
from churn.governance.registry import CHAMPION, PREVIOUS, Registry


def present_champion(store: Store, registry: Registry) -> int | None:
    """The version that serves, or None. Raises IntegrityError when alias and ledger disagree.

    The ledger is the record and the alias its cache: an alias moved by another hand is not believed.
    """
    alias, line, unfinished = registry.alias(CHAMPION), ledger.champions(store), ledger.unfinished(store)
    recorded = line[-1] if line else None
    if alias != recorded and not (unfinished and alias == unfinished.to_version):
        raise IntegrityError(
            f"alias champion points to version {alias}, the ledger says {recorded}; find out who moved it"
        )
    return alias


def move_champion(store: Store, registry: Registry, move: Move) -> None:
    """Make ``move.to_version`` champion; the move of the alias itself is the point of no return."""
    if ledger.unfinished(store) != move:
        ledger.record(store, move, "pending")
    if move.from_version is not None:
        registry.point(PREVIOUS, move.from_version)
    registry.point(CHAMPION, move.to_version)
    ledger.record(store, move, "done")
