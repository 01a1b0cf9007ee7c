"""Which rows may teach, which rows judge: maturity, the holdout rule, and the fingerprint of the data.

The holdout is never stored. It is recomputed by rule from a table version, so that no file found by
convention decides what a model was judged on.
"""

import hashlib
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from churn.config import Problem
from churn.errors import DataError


@dataclass(frozen=True)
class Split:
    """Mature, labelled rows in two parts, and how they were parted."""

    training: pd.DataFrame
    holdout: pd.DataFrame
    rule: str


def mature(customers: pd.DataFrame, problem: Problem, as_of: date) -> pd.DataFrame:
    """Rows whose label is known for good at ``as_of``: the horizon and the grace days are over.

    Rows without a snapshot date are taken at their word: they are mature when they carry a label. They come
    ordered by snapshot and entity, so that a fit does not depend on how an engine stored them.
    """
    wait = pd.Timedelta(days=problem.horizon_days + problem.grace_days)
    over = customers[problem.snapshot].isna() | (customers[problem.snapshot] + wait <= pd.Timestamp(as_of))
    labelled = customers[customers[problem.label.column].notna() & over]
    return labelled.sort_values([problem.snapshot, problem.entity], ignore_index=True)


def split_holdout(customers: pd.DataFrame, problem: Problem, share: float) -> Split:
    """Part mature rows into training and holdout rows; ``share`` is the part held out, in (0, 1).

    With two or more snapshots the newest are held out until they hold ``share`` of the rows, and training
    ends a full horizon before the first of them, so that no training label looks into the holdout. With
    one snapshot, customers are held out by the hash of their key: the same customer always falls on the
    same side. Raises DataError when there are no rows, or when a part would lack a class.
    """
    if customers.empty:
        raise DataError(
            "no labelled customer is mature yet; a label counts from "
            f"{problem.horizon_days + problem.grace_days} days after its snapshot"
        )
    dates = customers[problem.snapshot]
    if dates.nunique() >= 2:
        start = _holdout_start(dates, share)
        held = (dates >= start).to_numpy()
        taught = (dates + pd.Timedelta(days=problem.horizon_days) <= start).to_numpy()
        rule = f"{problem.snapshot} >= {start:%Y-%m-%d}"
    else:
        held = key_share(customers[problem.entity]) < share
        taught = ~held
        rule = f"sha256({problem.entity}) < {share}"
    split = Split(customers[taught], customers[held], rule)
    for name, part in (("training", split.training), ("holdout", split.holdout)):
        _check_classes(part[problem.label.column], name, rule)
    return split


def key_share(keys: pd.Series) -> np.ndarray:
    """A number in [0, 1) for each key, shape (n,): the first 8 hex digits of its SHA-256.

    Chosen because every engine can compute it alike, SQL's sha2 included.
    """
    digests = (hashlib.sha256(str(key).encode()).hexdigest()[:8] for key in keys)
    return np.fromiter((int(text, 16) for text in digests), dtype="float64", count=len(keys)) / 16**8


def fingerprint(frame: pd.DataFrame) -> str:
    """SHA-256 of column names and rows; the order of rows does not matter, any changed cell does."""
    rows = np.sort(pd.util.hash_pandas_object(_plain(frame), index=False).to_numpy())
    content = hashlib.sha256(",".join(frame.columns).encode())
    content.update(rows.tobytes())
    return content.hexdigest()


def _holdout_start(dates: pd.Series, share: float) -> pd.Timestamp:
    newest_first = dates.value_counts().sort_index(ascending=False).cumsum()
    enough = newest_first.to_numpy() >= share * len(dates) - 1e-6  # a share met exactly is met
    start: pd.Timestamp = newest_first.index[int(np.argmax(enough))]
    return start


def _check_classes(labels: pd.Series, part: str, rule: str) -> None:
    if labels.nunique() < 2:
        raise DataError(
            f"the {part} rows ({len(labels)} by {rule}) lack a class; more mature snapshots are needed"
        )


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    # The same values must give the same digest whichever pandas or engine brought them.
    return pd.DataFrame({name: _plain_column(frame[name]) for name in frame.columns})


def _plain_column(column: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return column.astype("float64")
    if pd.api.types.is_datetime64_any_dtype(column):
        return column.astype("datetime64[us]").astype("int64")
    return column.astype("object").where(column.notna(), "").astype(str)
