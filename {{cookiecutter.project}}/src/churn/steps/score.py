"""The champion over one snapshot → predictions, in batches, through the same contract as training."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pyarrow as pa

from churn.config import Config, Problem
from churn.data.contract import check_limits, examine
from churn.data.intake import CUSTOMERS, quarantine
from churn.data.store import Store
from churn.errors import DataError
from churn.governance.champion import present_champion
from churn.governance.registry import CHAMPION, Loaded, Registry
from churn.modelling.features import feature_frame
from churn.modelling.model import probabilities
from churn.terminal import track

PREDICTIONS = "predictions"


@dataclass(frozen=True)
class Scored:
    """What became of a snapshot: ``rows`` = ``scored`` + ``quarantined``."""

    snapshot: str
    rows: int
    scored: int
    quarantined: int
    contacted: int
    model_version: int
    table_version: int

    def __str__(self) -> str:
        return (
            f"snapshot {self.snapshot}, {self.rows} rows in, {self.scored} scored, "
            f"{self.quarantined} quarantined, {self.contacted} to contact, model version {self.model_version}"
        )


@dataclass
class _Tally:
    """What has been seen while batches stream by."""

    rows: int = 0
    scored: int = 0
    contacted: int = 0
    rejected: list[pd.DataFrame] = field(default_factory=list)
    keys: list[np.ndarray] = field(default_factory=list)


def score(store: Store, config: Config, snapshot: date | None = None) -> Scored:
    """Score a snapshot (the newest by default) and replace its predictions in one commit.

    Memory is bounded by one batch. Raises DataError, and leaves the earlier predictions, when the snapshot is
    missing or the contract refuses it.
    """
    registry = Registry(store)
    present_champion(store, registry)
    champion = registry.load(registry.required(CHAMPION))
    day = _newest(store, config.problem) if snapshot is None else snapshot
    tally, source = _Tally(), f"score {day or 'undated'}"
    rows = _stream(store, config.problem, champion, day, tally, source)
    version = store.write(
        PREDICTIONS, rows, predictions_schema(config.problem), replace={config.problem.snapshot: [day]}
    )
    return Scored(
        snapshot=str(day or "undated"),
        rows=tally.rows,
        scored=tally.scored,
        quarantined=tally.rows - tally.scored,
        contacted=tally.contacted,
        model_version=champion.version.number,
        table_version=version,
    )


def predictions_schema(problem: Problem) -> pa.Schema:
    """The columns that whoever acts on predictions reads."""
    return pa.schema(
        [
            (problem.entity, pa.string()),
            (problem.snapshot, pa.date32()),
            ("probability", pa.float64()),
            ("decision", pa.bool_()),
            ("model_version", pa.int64()),
            ("scored_at", pa.timestamp("us", tz="UTC")),
        ]
    )


def _newest(store: Store, problem: Problem) -> date | None:
    dates = store.read(CUSTOMERS, [problem.snapshot])[problem.snapshot]
    newest = dates.max()
    return None if pd.isna(newest) else newest.date()


def _stream(
    store: Store, problem: Problem, champion: Loaded, day: date | None, tally: _Tally, source: str
) -> Iterator[pd.DataFrame]:
    columns = [problem.entity, problem.snapshot, *problem.columns]
    for batch in track(store.scan(CUSTOMERS, columns, where={problem.snapshot: [day]}), "scoring"):
        outcome = examine(batch, problem)
        tally.rows += len(batch)
        tally.rejected.append(outcome.rejected)
        if outcome.accepted.empty:
            continue
        tally.keys.append(_hash(outcome.accepted[problem.entity]))
        scored = _predict(outcome.accepted, champion, problem)
        tally.scored += len(scored)
        tally.contacted += int(scored["decision"].sum())
        yield scored
    # Still before the commit: an error here leaves the predictions as they were.
    _check(tally, problem, day)
    quarantine(store, problem, pd.concat(tally.rejected, ignore_index=True), source)


def _predict(customers: pd.DataFrame, champion: Loaded, problem: Problem) -> pd.DataFrame:
    p = probabilities(champion.model, feature_frame(customers, tuple(champion.inputs), problem))
    if not np.all(np.isfinite(p)):
        raise DataError(
            f"model version {champion.version.number} gives no finite probability for some rows; roll back"
        )
    return customers[[problem.entity, problem.snapshot]].assign(
        probability=p,
        decision=p >= champion.model.threshold,
        model_version=champion.version.number,
        scored_at=datetime.now(UTC),
    )


def _check(tally: _Tally, problem: Problem, day: date | None) -> None:
    if tally.rows == 0:
        raise DataError(f"customers holds no snapshot {day}; 'churn load FILE' brings one")
    check_limits(pd.concat(tally.rejected, ignore_index=True), tally.rows, problem)
    keys = np.concatenate([np.empty(0, dtype="uint64"), *tally.keys])
    if len(np.unique(keys)) != len(keys):
        raise DataError(
            f"{len(keys) - len(np.unique(keys))} customers stand twice in snapshot {day}; nothing was scored"
        )


def _hash(keys: pd.Series) -> np.ndarray:
    # Eight bytes a customer: ten million of them are noticed standing twice in 80 MB.
    return pd.util.hash_pandas_object(keys, index=False).to_numpy()
