"""Reading what a value safely means, whatever format it arrived in.

Each reader looks at the distinct values of a column once, so that a million rows cost little more than
the handful of spellings they hold. What cannot be read safely is said, never guessed.
"""

from collections.abc import Callable, Mapping
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

# No customer was described outside these years, and every engine can hold them; 9999 means "never" somewhere.
YEARS = (1900, 2199)
NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"


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


def read_flag(column: pd.Series, words: Mapping[str, bool] = FLAGS) -> Reading:
    """Yes/no as nullable booleans; ``words`` says which lower-case spellings mean which."""
    if pd.api.types.is_bool_dtype(column):
        return Reading(column.astype("boolean"), np.zeros(len(column), dtype=bool), 0, 0)
    return _read(column, lambda texts: texts.str.casefold().map(words), "boolean", keep=frozenset(words))


def read_category(column: pd.Series, declared: tuple[str, ...]) -> Reading:
    """Declared values in their declared spelling; an undeclared value is kept for the contract to judge."""
    spelling = {value.casefold(): value for value in declared}

    def parse(texts: pd.Series) -> pd.Series:
        return texts.str.casefold().map(spelling).where(lambda known: known.notna(), texts)

    return _read(column, parse, "object", keep=frozenset(spelling))


def read_key(column: pd.Series) -> Reading:
    """Identifiers as text."""
    return _read(column, lambda texts: texts, "object")


def read_date(column: pd.Series) -> Reading:
    """ISO dates, with or without a time of day, as midnight of the day that their own clock shows."""
    if not pd.api.types.is_datetime64_dtype(column):
        return _read(column, _dates, "datetime64[ms]")
    possible = column.dt.year.between(*YEARS)
    days = column.where(possible).dt.normalize().astype("datetime64[ms]")
    return Reading(days, (column.notna() & ~possible).to_numpy(), 0, 0)


def _read(column: pd.Series, parse: Parse, dtype: Dtype, keep: frozenset[str] = frozenset()) -> Reading:
    codes, distinct = pd.factorize(_comparable(column), use_na_sentinel=True)
    raw = pd.Series(list(distinct), dtype="object").map(_text)
    texts = raw.str.strip()
    blank = texts.str.casefold().isin(MISSING - keep)
    parsed = parse(texts.mask(blank, "")).mask(blank)
    unreadable = (parsed.isna() & ~blank).to_numpy(dtype=bool)
    changed = ~blank.to_numpy(dtype=bool) & ~unreadable
    if dtype == "object":
        changed &= (parsed != raw).to_numpy(dtype=bool)
    return Reading(
        values=_spread(parsed.astype(dtype), codes, column.index),
        unreadable=_by_row(unreadable, codes),
        blanks=int(_by_row(blank.to_numpy(dtype=bool), codes).sum()),
        changed=int(_by_row(changed, codes).sum()),
    )


def _comparable(column: pd.Series) -> pd.Series:
    """A column whose distinct values can be found: in a mixed one 1, 1.0 and True would pass for the same."""
    if column.dtype == "object":
        mixed = pd.api.types.infer_dtype(column, skipna=True) != "string"
        # As Arrow texts: pandas 2 would take texts for the same that are alike up to a NUL.
        return (column.map(_text, na_action="ignore") if mixed else column).astype("string[pyarrow]")
    return column.astype("object") if isinstance(column.dtype, pd.CategoricalDtype) else column


def _text(value: object) -> str:
    # A gap in a column of whole numbers makes them floats; 7590.0 is still customer 7590.
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def _spread(distinct: pd.Series, codes: np.ndarray, index: pd.Index) -> pd.Series:
    # One more entry, for the rows that factorize marks -1: missing in the source already.
    padded = distinct.reindex(range(len(distinct) + 1))
    spread = padded.take(np.where(codes < 0, len(distinct), codes))
    spread.index = index
    return spread


def _by_row(distinct: np.ndarray, codes: np.ndarray) -> np.ndarray:
    rows: np.ndarray = np.append(distinct, False)[codes]
    return rows


def _numbers(texts: pd.Series) -> pd.Series:
    # Python's reading, not pandas' faster one: its floats survive being written and read to the last bit.
    values = texts.where(texts.str.fullmatch(NUMBER)).astype("float64")
    return values.where(np.isfinite(values))


def _dates(texts: pd.Series) -> pd.Series:
    days = texts.str.extract(r"^(\d{4}-\d{2}-\d{2})(?:[T ]\d{2}:\d{2}.*)?$", expand=False)
    possible = days.str[:4].astype("float64").between(*YEARS)
    moments = pd.to_datetime(texts.where(possible), format="ISO8601", errors="coerce", utc=True)
    return pd.to_datetime(days.where(moments.notna()), format="%Y-%m-%d", errors="coerce")
