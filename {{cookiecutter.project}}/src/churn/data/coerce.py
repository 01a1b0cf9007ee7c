"""Reading what a value safely means, whatever format it arrived in.

Each reader looks at the distinct values of a column once, so that a million rows cost little more than
the handful of spellings they hold. What cannot be read safely is said, never guessed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

MISSING = frozenset({"", "na", "n/a", "nan", "nat", "null", "none", "<na>"})
FLAGS = {"yes": True, "true": True, "y": True, "1": True, "1.0": True} | {
    "no": False,
    "false": False,
    "n": False,
    "0": False,
    "0.0": False,
}


@dataclass(frozen=True)
class Reading:
    """A column in its declared type, shape (n,), with what was changed and what could not be read."""

    values: pd.Series
    unreadable: np.ndarray  # bool, shape (n,)
    blanks: int  # texts such as "" or "N/A" read as missing
    changed: int  # texts read as another type, or spelled anew


Dtype = Literal["float64", "boolean", "object", "datetime64[ms]"]
Parse = Callable[[pd.Series], pd.Series]
"""Distinct, stripped texts to their values; a missing value says that the text cannot be read."""


def read_number(column: pd.Series) -> Reading:
    """Numbers as float64; texts such as "29.85" are read, infinities and anything else are not."""
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        values = column.astype("float64")
        return Reading(values.where(np.isfinite(values)), np.isinf(values.to_numpy()), 0, 0)
    return _read(column, _numbers, "float64")


def read_flag(column: pd.Series, words: dict[str, bool] | None = None) -> Reading:
    """Yes/no as nullable booleans; ``words`` adds spellings, in lower case."""
    if pd.api.types.is_bool_dtype(column):
        values = column.astype("boolean")
        return Reading(values, np.zeros(len(column), dtype=bool), 0, 0)
    known = FLAGS | (words or {})
    return _read(column, lambda texts: texts.str.casefold().map(known), "boolean")


def read_category(column: pd.Series, declared: tuple[str, ...]) -> Reading:
    """Declared values in their declared spelling; an undeclared value is kept for the contract to judge."""
    spelling = {value.casefold(): value for value in declared}

    def parse(texts: pd.Series) -> pd.Series:
        return texts.str.casefold().map(spelling).where(lambda known: known.notna(), texts)

    return _read(column, parse, "object", keep=frozenset(spelling))


def read_key(column: pd.Series) -> Reading:
    """Identifiers as text; whole numbers lose the ".0" that a file format gave them."""
    if pd.api.types.is_float_dtype(column) and (column.dropna() % 1 == 0).all():
        column = column.astype("Int64")
    return _read(column, lambda texts: texts, "object")


def read_date(column: pd.Series) -> Reading:
    """ISO dates, with or without a time of day, as midnight of that day."""
    return _read(column, _dates, "datetime64[ms]")


def _read(column: pd.Series, parse: Parse, dtype: Dtype, keep: frozenset[str] = frozenset()) -> Reading:
    codes, distinct = pd.factorize(column, use_na_sentinel=True)
    raw = pd.Series(list(distinct), dtype="object").map(str)
    texts = raw.str.strip()
    blank = texts.str.casefold().isin(MISSING - keep)
    parsed = parse(texts.mask(blank, "")).mask(blank)
    unreadable = (parsed.isna() & ~blank).to_numpy(dtype=bool)
    changed = ~blank.to_numpy(dtype=bool) & ~unreadable
    if dtype == "object":
        changed &= (parsed != raw).to_numpy(dtype=bool)
    return Reading(
        values=_spread(parsed.astype(dtype), codes, column.index),
        unreadable=_count_rows(unreadable, codes),
        blanks=int(_count_rows(blank.to_numpy(dtype=bool), codes).sum()),
        changed=int(_count_rows(changed, codes).sum()),
    )


def _spread(distinct: pd.Series, codes: np.ndarray, index: pd.Index) -> pd.Series:
    # One more entry, for the rows that factorize marks -1: missing in the source already.
    padded = distinct.reindex(range(len(distinct) + 1))
    spread = padded.take(np.where(codes < 0, len(distinct), codes))
    spread.index = index
    return spread


def _count_rows(distinct: np.ndarray, codes: np.ndarray) -> np.ndarray:
    rows: np.ndarray = np.append(distinct, False)[codes]
    return rows


def _numbers(texts: pd.Series) -> pd.Series:
    values = pd.to_numeric(texts, errors="coerce").astype("float64")
    return values.where(np.isfinite(values))


def _dates(texts: pd.Series) -> pd.Series:
    whole = texts.where(texts.str.fullmatch(r"\d{4}-\d{2}-\d{2}([T ].*)?"))
    moments = pd.to_datetime(whole, format="ISO8601", errors="coerce", utc=True)
    return moments.dt.tz_localize(None).dt.normalize()
