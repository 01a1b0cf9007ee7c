"""How rows enter the store: through the contract, in whole snapshots, with what was refused beside them."""

import hashlib
import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
from pyarrow import csv, parquet

from churn.config import Problem, digest
from churn.data.contract import Outcome, apply_contract, arrow_schema
from churn.data.store import Store
from churn.errors import DataError, UsageError

CUSTOMERS, QUARANTINE, LOADS = "customers", "quarantine", "loads"

QUARANTINE_SCHEMA = pa.schema(
    [
        ("source", pa.string()),
        ("row", pa.int64()),
        ("reason", pa.string()),
        ("content", pa.string()),
        ("contract_digest", pa.string()),
        ("at", pa.timestamp("us", tz="UTC")),
    ]
)

LOADS_SCHEMA = pa.schema(
    [
        ("source", pa.string()),
        ("rows", pa.int64()),
        ("accepted", pa.int64()),
        ("quarantined", pa.int64()),
        ("coerced", pa.string()),
        ("table_version", pa.int64()),
        ("contract_digest", pa.string()),
        ("at", pa.timestamp("us", tz="UTC")),
    ]
)

ONE_RECORD_MAY_SPAN_LINES = csv.ParseOptions(newlines_in_values=True)


@dataclass(frozen=True)
class Intake:
    """What became of a file: ``rows`` = ``accepted`` + ``quarantined``, and where they went."""

    rows: int
    accepted: int
    quarantined: int
    coerced: dict[str, int]
    ignored: tuple[str, ...]
    source: str
    snapshots: int
    table_version: int

    def __str__(self) -> str:
        blanks = [f"{count} {said}" for said, count in self.coerced.items() if "blanks" in said]
        return "; ".join(
            [
                f"{self.rows} rows in, {self.accepted} accepted, {self.quarantined} quarantined",
                *blanks,
                f"customers version {self.table_version}",
            ]
        )


def read_file(path: Path) -> tuple[pd.DataFrame, str]:
    """The rows of a CSV or Parquet file, and the SHA-256 of the very bytes that were read.

    CSV cells stay texts: what they mean is the contract's to say. Raises UsageError for another kind of file,
    DataError for one that cannot be read.
    """
    readers = {".csv": _read_csv, ".parquet": _read_parquet}
    if path.suffix.lower() not in readers:
        raise UsageError(f"{path.name}: a .csv or .parquet file is needed")
    content = path.read_bytes()
    try:
        return readers[path.suffix.lower()](content), hashlib.sha256(content).hexdigest()
    except (ValueError, OSError, pa.ArrowException) as error:  # what Arrow raises for damaged content
        raise DataError(f"{path.name} cannot be read: {str(error).splitlines()[0][:150]}") from error


def admit(store: Store, problem: Problem, frame: pd.DataFrame, source: str) -> Intake:
    """Put a frame through the contract and into the store; its snapshots replace those already there.

    Each write is atomic and the same frame leaves the same tables, so that admitting again after a crash
    finishes the work. Raises DataError when the contract refuses the frame; then nothing is written.
    """
    outcome = apply_contract(frame, problem)
    dates = outcome.accepted[problem.snapshot].drop_duplicates()
    _check_dated_alike(store, problem, dated=bool(dates.notna().any()))
    quarantine(store, problem, outcome.rejected, source)
    snapshots = [None if pd.isna(date) else date.date() for date in dates]
    version = store.write(
        CUSTOMERS, outcome.accepted, arrow_schema(problem), replace={problem.snapshot: snapshots}
    )
    taken = _intake(frame, outcome, source, len(snapshots), version)
    _log(store, problem, taken)
    return taken


def quarantine(store: Store, problem: Problem, rejected: pd.DataFrame, source: str) -> None:
    """Keep refused rows with their reasons; those of the same source are replaced."""
    if rejected.empty and not store.exists(QUARANTINE):
        return
    rows = rejected.assign(source=source, contract_digest=digest(problem), at=datetime.now(UTC))
    store.write(QUARANTINE, rows, QUARANTINE_SCHEMA, replace={"source": [source]})


def _intake(frame: pd.DataFrame, outcome: Outcome, source: str, snapshots: int, version: int) -> Intake:
    return Intake(
        rows=len(frame),
        accepted=len(outcome.accepted),
        quarantined=len(outcome.rejected),
        coerced=outcome.coerced,
        ignored=outcome.ignored,
        source=source,
        snapshots=snapshots,
        table_version=version,
    )


def _log(store: Store, problem: Problem, taken: Intake) -> None:
    """What was coerced and how often, kept with the source; a source loaded again replaces its entry."""
    row = {
        name: getattr(taken, name) for name in ("source", "rows", "accepted", "quarantined", "table_version")
    }
    row |= {"coerced": json.dumps(taken.coerced), "contract_digest": digest(problem), "at": datetime.now(UTC)}
    store.write(LOADS, pd.DataFrame([row]), LOADS_SCHEMA, replace={"source": [taken.source]})


def _check_dated_alike(store: Store, problem: Problem, dated: bool) -> None:
    if not store.exists(CUSTOMERS):
        return
    known = store.read(CUSTOMERS, [problem.snapshot])[problem.snapshot]
    if len(known) and dated != bool(known.notna().any()):
        found, wanted = ("a", "without") if dated else ("no", "with")
        raise DataError(
            f"the file has {found} {problem.snapshot}, customers holds rows {wanted}; use another --store"
        )


def _read_csv(content: bytes) -> pd.DataFrame:
    # Arrow refuses a row with a cell too many or too few, where pandas would shift or fill it.
    with csv.open_csv(io.BytesIO(content), parse_options=ONE_RECORD_MAY_SPAN_LINES) as reader:
        names = reader.schema.names
    texts = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False)
    table = csv.read_csv(io.BytesIO(content), parse_options=ONE_RECORD_MAY_SPAN_LINES, convert_options=texts)
    frame: pd.DataFrame = table.to_pandas()
    return frame


def _read_parquet(content: bytes) -> pd.DataFrame:
    # A column that pandas had stored as its index is a column like any other.
    frame: pd.DataFrame = parquet.read_table(io.BytesIO(content)).to_pandas(ignore_metadata=True)
    return frame
