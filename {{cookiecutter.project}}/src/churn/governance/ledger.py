"""The record of promotions and rollbacks: append-only rows, of which the aliases are a cache."""

from collections.abc import Hashable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pyarrow as pa

from churn.data.store import Store

TABLE = "ledger"
SCHEMA = pa.schema(
    [
        ("sequence", pa.int64()),
        ("at", pa.timestamp("us", tz="UTC")),
        ("action", pa.string()),
        ("state", pa.string()),
        ("from_version", pa.int64()),
        ("to_version", pa.int64()),
        ("release", pa.string()),
        ("passport_digest", pa.string()),
    ]
)


@dataclass(frozen=True)
class Move:
    """A move of the champion alias. ``from_version`` is None for the first; ``release`` is a tag or empty."""

    action: str  # promote or rollback
    from_version: int | None
    to_version: int
    release: str
    passport_digest: str


def record(store: Store, move: Move, state: str) -> None:
    """Append a move as ``pending`` before the alias is touched, as ``done`` after it was read back."""
    row = {"sequence": _next(store), "at": datetime.now(UTC), "state": state, **asdict(move)}
    frame = pd.DataFrame([row]).astype({"from_version": "Int64"})
    store.write(TABLE, frame, SCHEMA)


def moves(store: Store) -> list[Move]:
    """The finished moves, oldest first."""
    return [move for state, move in _rows(store) if state == "done"]


def unfinished(store: Store) -> Move | None:
    """The move that was announced but not closed: a command was interrupted between the two."""
    rows = _rows(store)
    return rows[-1][1] if rows and rows[-1][0] == "pending" else None


def entries(store: Store) -> pd.DataFrame:
    """Every row of the ledger, oldest first."""
    if not store.exists(TABLE):
        return pd.DataFrame(columns=SCHEMA.names)
    recorded: pd.DataFrame = store.read(TABLE).sort_values("sequence", ignore_index=True)
    return recorded


def champions(store: Store) -> list[int]:
    """The champions a rollback can return to, oldest first, the present one last.

    A promotion adds one, a rollback takes one away: rolling back twice goes two releases back.
    """
    line: list[int] = []
    for move in moves(store):
        if move.action == "rollback":
            line.pop()
        else:
            line.append(move.to_version)
    return line


def _rows(store: Store) -> list[tuple[str, Move]]:
    return [(str(row["state"]), _move(row)) for row in entries(store).to_dict(orient="records")]


def _move(row: dict[Hashable, Any]) -> Move:
    before = None if pd.isna(row["from_version"]) else int(row["from_version"])
    return Move(row["action"], before, int(row["to_version"]), row["release"], row["passport_digest"])


def _next(store: Store) -> int:
    return int(entries(store)["sequence"].max()) + 1 if store.exists(TABLE) else 1
