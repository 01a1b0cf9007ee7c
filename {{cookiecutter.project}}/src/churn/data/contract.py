"""The data contract: compiled from problem.toml, executed by load, train and score alike.

Three things can happen to data. What is safely meant is coerced, and counted. A row that breaks a rule is
quarantined, with the reason. A frame that is not what problem.toml describes is refused whole. No row
disappears: rows in = accepted + quarantined.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
from pandera.errors import SchemaErrors

from churn.config import Problem
from churn.config.problem import Column
from churn.data import coerce
from churn.data.coerce import Reading
from churn.errors import DataError

SHOWN = 40  # characters of a hostile value that a reason repeats
TWICE = "the same customer and snapshot stand twice"


@dataclass(frozen=True)
class Outcome:
    """A frame after the contract.

    accepted: the canonical columns of problem.toml, in its order. rejected: ``row`` (position in the frame),
    ``reason`` and ``content`` (the row as JSON). coerced: sentences with counts, for the log.
    """

    accepted: pd.DataFrame
    rejected: pd.DataFrame
    coerced: dict[str, int]
    ignored: tuple[str, ...]


def apply_contract(frame: pd.DataFrame, problem: Problem) -> Outcome:
    """Coerce, quarantine or stop; ``frame`` may hold texts or types and is not modified.

    Raises DataError when the frame as a whole is broken: a required column is missing, there are no rows,
    the known labels are of one class, or too many rows are duplicates or break a rule.
    """
    outcome = examine(frame, problem)
    check_limits(outcome.rejected, len(frame), problem)
    labels = outcome.accepted[problem.label.column].dropna()
    if labels.nunique() == 1:
        word = problem.label.positive if labels.iloc[0] else problem.label.negative
        raise DataError(f"all {len(labels)} known labels are {word}; both classes are needed")
    return outcome


def examine(frame: pd.DataFrame, problem: Problem) -> Outcome:
    """The contract row by row, for a batch of a larger frame; the whole is the caller's to judge."""
    named, ignored = _known_columns(frame, problem)
    readings = {name: _read(named, name, problem) for name in _columns(problem)}
    canonical = pd.DataFrame({name: reading.values for name, reading in readings.items()})
    reasons = _reasons(named, canonical, readings, problem)
    bad = reasons.notna().to_numpy()
    rejected = pd.DataFrame(
        {"row": np.flatnonzero(bad), "reason": reasons[bad].to_numpy(), "content": _as_json(frame[bad])}
    )
    return Outcome(canonical[~bad], rejected, _coercions(readings), ignored)


def check_limits(rejected: pd.DataFrame, rows: int, problem: Problem) -> None:
    """Raise DataError when more of ``rows`` rows were rejected than problem.toml puts up with."""
    twice = int(rejected["reason"].str.contains(TWICE, regex=False).sum())
    for count, limit, what in (
        (twice, problem.limits.duplicate_share, "are duplicates"),
        (len(rejected), problem.limits.quarantined_share, "break the contract"),
    ):
        if count > limit * rows:
            often = str(rejected["reason"].value_counts().index[0]).partition("; ")[0][:100]
            raise DataError(
                f"{count} of {rows} rows {what} (limit {limit:.0%}), most often {often}; nothing was taken"
            )


def arrow_schema(problem: Problem) -> pa.Schema:
    """The types of the customers table."""
    types = {"number": pa.float64(), "flag": pa.bool_(), "category": pa.string()}
    fields = [(problem.entity, pa.string()), (problem.snapshot, pa.date32())]
    fields += [(name, types[column.kind]) for name, column in problem.columns.items()]
    return pa.schema([*fields, (problem.label.column, pa.bool_())])


def snake_case(header: str) -> str:
    """``customerID`` and ``Customer ID`` both become ``customer_id``."""
    words = re.sub(r"([a-z0-9])([A-Z])|([A-Z]+)([A-Z][a-z])", r"\1\3_\2\4", header.strip())
    return re.sub(r"[^0-9a-zA-Z]+", "_", words).strip("_").lower()


def _columns(problem: Problem) -> list[str]:
    return [problem.entity, problem.snapshot, *problem.columns, problem.label.column]


def _known_columns(frame: pd.DataFrame, problem: Problem) -> tuple[pd.DataFrame, tuple[str, ...]]:
    names = [snake_case(str(name)) for name in frame.columns]
    twice = sorted({name for name in names if names.count(name) > 1 and name in _columns(problem)})
    missing = [name for name in (problem.entity, *problem.columns) if name not in names]
    if missing:
        raise DataError(f"missing column {_listed(missing)}; found {_listed(names)}")
    if twice:
        raise DataError(f"column {', '.join(twice)} stands twice in the header; keep one")
    if frame.empty:
        raise DataError("no rows; a file with at least one customer is needed")
    named = frame.set_axis(names, axis="columns")
    for optional in (problem.snapshot, problem.label.column):
        if optional not in named:
            named = named.assign(**{optional: None})
    return named.reset_index(drop=True), tuple(name for name in names if name not in _columns(problem))


def _read(named: pd.DataFrame, name: str, problem: Problem) -> Reading:
    column = named[name]
    if name == problem.entity:
        return coerce.read_key(column)
    if name == problem.snapshot:
        return coerce.read_date(column)
    if name == problem.label.column:
        return coerce.read_flag(column, _label_words(problem))
    rule = problem.columns[name]
    readers = {"number": coerce.read_number, "flag": coerce.read_flag}
    return readers[rule.kind](column) if rule.kind in readers else coerce.read_category(column, rule.values)


def _label_words(problem: Problem) -> Mapping[str, bool]:
    """The label's own two words; the usual spellings of yes and no too, where those two are among them."""
    negative, positive = problem.label.negative.strip().casefold(), problem.label.positive.strip().casefold()
    usual = coerce.FLAGS if coerce.FLAGS.get(positive) is True and coerce.FLAGS.get(negative) is False else {}
    return usual | {negative: False, positive: True}


def _reasons(
    named: pd.DataFrame, canonical: pd.DataFrame, readings: dict[str, Reading], problem: Problem
) -> pd.Series:
    """Why each row is refused, shape (n,); missing for a row that is accepted."""
    found: dict[int, list[str]] = {}
    for name, reading in readings.items():
        for row in np.flatnonzero(reading.unreadable).tolist():
            value = str(named[name].iloc[row])[:SHOWN]
            found.setdefault(row, []).append(f"{name}: {value!r} cannot be read as {_meaning(name, problem)}")
    unreadable = {name: reading.unreadable for name, reading in readings.items()}
    for row, name, sentence in _broken_rules(canonical, problem):
        if not unreadable[name][row]:
            found.setdefault(row, []).append(f"{name}: {sentence}")
    for row in np.flatnonzero(_ambiguous(canonical, problem)).tolist():
        found.setdefault(row, []).append(f"{problem.entity}: {TWICE}")
    return pd.Series({row: "; ".join(said) for row, said in found.items()}, dtype="object").reindex(
        canonical.index
    )


def _broken_rules(canonical: pd.DataFrame, problem: Problem) -> list[tuple[int, str, str]]:
    try:
        _schema(canonical, problem).validate(canonical, lazy=True)
    except SchemaErrors as errors:
        cases = errors.failure_cases
        return [
            (int(row), str(name), "missing" if check == "not_nullable" else f"{_shown(value)} {check}")
            for row, name, check, value in zip(
                cases["index"], cases["column"], cases["check"], cases["failure_case"], strict=True
            )
        ]
    return []


def _schema(canonical: pd.DataFrame, problem: Problem) -> pandera.DataFrameSchema:
    dated = bool(canonical[problem.snapshot].notna().any())
    columns = {
        name: pandera.Column(None, _checks(rule), nullable=rule.missing)
        for name, rule in problem.columns.items()
    }
    columns[problem.entity] = pandera.Column(None, nullable=False)
    columns[problem.snapshot] = pandera.Column(None, nullable=not dated)
    return pandera.DataFrameSchema(columns)


def _checks(rule: Column) -> list[pandera.Check]:
    checks = []
    if rule.min is not None:
        checks.append(pandera.Check.ge(rule.min, error=f"is below {rule.min:g}"))
    if rule.max is not None:
        checks.append(pandera.Check.le(rule.max, error=f"is above {rule.max:g}"))
    if rule.values:
        checks.append(pandera.Check.isin(rule.values, error="is not a declared value"))
    return checks


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return ", ".join(name[:SHOWN] for name in names[:4]) + more


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else repr(str(value)[:SHOWN])


def _meaning(name: str, problem: Problem) -> str:
    if name == problem.snapshot:
        return "a date; write YYYY-MM-DD"
    if name == problem.label.column:
        return f"{problem.label.positive} or {problem.label.negative}"
    return {"number": "a number", "flag": "yes or no"}.get(problem.columns[name].kind, "a value")


def _ambiguous(canonical: pd.DataFrame, problem: Problem) -> np.ndarray:
    """Copies after the first; and every copy where they disagree, since nobody knows which is right."""
    key = [problem.entity, problem.snapshot]
    known = canonical[problem.entity].notna()
    copy = canonical.duplicated(keep="first")
    disagree = canonical[~copy].duplicated(key, keep=False).reindex(canonical.index, fill_value=False)
    keys_in_dispute = pd.MultiIndex.from_frame(canonical.loc[disagree, key])
    disputed = pd.MultiIndex.from_frame(canonical[key]).isin(keys_in_dispute)
    return (known & (copy | disputed)).to_numpy(dtype=bool)


def _coercions(readings: dict[str, Reading]) -> dict[str, int]:
    said = {}
    for name, reading in readings.items():
        said[f"{name}: blanks read as missing"] = reading.blanks
        said[f"{name}: texts read as {reading.values.dtype}"] = reading.changed
    return {sentence: count for sentence, count in said.items() if count}


def _as_json(rows: pd.DataFrame) -> list[str]:
    records = rows.astype("object").where(rows.notna(), None).to_dict(orient="records")
    return [json.dumps(record, default=str, ensure_ascii=False) for record in records]
