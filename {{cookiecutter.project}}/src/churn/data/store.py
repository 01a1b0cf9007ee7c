"""The one seam between a laptop and Databricks: where tables and models live.

A store holds versioned tables and says where MLflow keeps runs and models. No other module knows
which kind of store it was given.
"""

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from churn.errors import DataError, UsageError

if TYPE_CHECKING:
    from deltalake import DeltaTable

Where = Mapping[str, Sequence[object]]
"""Rows whose column holds one of the values, for every column named; None stands for a missing value."""

BATCH_ROWS = 50_000  # about 20 MB of customers: large enough for speed, small enough for any machine


class Store(Protocol):
    """Tables by name and version, and the addresses of MLflow's tracking and registry."""

    address: str
    model_name: str
    experiment: str
    tracking_uri: str
    registry_uri: str
    artifact_root: str | None

    def exists(self, table: str) -> bool:
        """Whether the table has been written."""

    def version(self, table: str) -> int:
        """The newest version of a table; every write makes the next one."""

    def read(
        self,
        table: str,
        columns: list[str] | None = None,
        version: int | None = None,
        where: Where | None = None,
    ) -> pd.DataFrame:
        """Rows of a table, whole. Raises DataError when the table or version is missing."""

    def scan(
        self,
        table: str,
        columns: list[str] | None = None,
        version: int | None = None,
        where: Where | None = None,
    ) -> Iterator[pd.DataFrame]:
        """The same rows in frames of at most BATCH_ROWS rows, for tables that do not fit in memory."""

    def write(
        self,
        table: str,
        rows: pd.DataFrame | Iterator[pd.DataFrame],
        schema: pa.Schema,
        replace: Where | None = None,
    ) -> int:
        """Write in one atomic commit and return the new version.

        Appends when ``replace`` is None; otherwise the rows it selects are replaced (an empty mapping
        selects all), so that writing again gives the same table.
        """


def open_store(address: str) -> Store:
    """Open ``local:FOLDER``, making the folder when it is new."""
    kind, _, place = address.partition(":")
    if kind == "local" and place:
        # Delta addresses its files as URLs, in which these have a meaning of their own.
        if re.search(r"[\[\]^|\\#?]|%[0-9a-fA-F]{2}", Path(place).resolve().as_posix()):
            raise UsageError(
                f"--store {address!r}: choose another folder, without any of []^|\\#? and %20 alike"
            )
        return LocalStore(Path(place))
    raise UsageError(f"--store {address!r}: no such kind of store; write local:FOLDER, as in local:.churn")


class LocalStore:
    """Delta tables in a folder, MLflow on SQLite beside them."""

    model_name = "churn"
    experiment = "churn"

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.address = f"local:{folder}"
        self._folder = folder.resolve()
        self.tracking_uri = self.registry_uri = f"sqlite:///{self._folder}/mlflow.db"
        self.artifact_root: str | None = (self._folder / "artifacts").as_uri()

    def exists(self, table: str) -> bool:
        return (self._path(table) / "_delta_log").is_dir()

    def version(self, table: str) -> int:
        return int(self._open(table).version())

    def read(
        self,
        table: str,
        columns: list[str] | None = None,
        version: int | None = None,
        where: Where | None = None,
    ) -> pd.DataFrame:
        dataset = self._open(table, version).to_pyarrow_dataset()
        return _to_frame(dataset.to_table(columns=columns, filter=_expression(where)))

    def scan(
        self,
        table: str,
        columns: list[str] | None = None,
        version: int | None = None,
        where: Where | None = None,
    ) -> Iterator[pd.DataFrame]:
        dataset = self._open(table, version).to_pyarrow_dataset()
        for batch in dataset.to_batches(columns=columns, filter=_expression(where), batch_size=BATCH_ROWS):
            if batch.num_rows:
                yield _to_frame(pa.Table.from_batches([batch]))

    def write(
        self,
        table: str,
        rows: pd.DataFrame | Iterator[pd.DataFrame],
        schema: pa.Schema,
        replace: Where | None = None,
    ) -> int:
        from deltalake import write_deltalake
        from deltalake.exceptions import DeltaError

        self._check_columns(table, schema)
        batches = _Batches(iter([rows]) if isinstance(rows, pd.DataFrame) else rows, schema)
        reader = pa.RecordBatchReader.from_batches(schema, batches)
        try:
            if replace is None:
                write_deltalake(self._path(table), reader, mode="append")
            else:
                predicate = _predicate(replace) if replace and self.exists(table) else None
                write_deltalake(self._path(table), reader, mode="overwrite", predicate=predicate)
        except DeltaError as error:
            # An error raised while rows were made comes back wrapped; the reader wants the one behind it.
            raise batches.error or error from error
        return self.version(table)

    def _check_columns(self, table: str, schema: pa.Schema) -> None:
        # Delta would cast: a text "many" fails half-way, and True becomes 1.0 unseen.
        found = self._open(table).to_pyarrow_dataset().schema if self.exists(table) else schema
        if {field.name: field.type for field in found} != {field.name: field.type for field in schema}:
            raise DataError(f"table {table!r} of {self.address} has other columns; use another --store")

    def _path(self, table: str) -> Path:
        return self._folder / "tables" / table

    def _open(self, table: str, version: int | None = None) -> "DeltaTable":
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError, TableNotFoundError

        try:
            return DeltaTable(self._path(table), version=version)
        except TableNotFoundError as error:
            raise DataError(
                f"{self.address} has no table {table!r}; 'churn load FILE' or 'churn sample' makes customers"
            ) from error
        except DeltaError as error:
            raise DataError(f"{self.address} has no version {version} of table {table!r}") from error


class _Batches:
    """Frames as Arrow batches, remembering the error that stopped them.

    Frames are made in a thread of their own: the writer pulls from within its runtime, where another table
    cannot be opened.
    """

    def __init__(self, frames: Iterator[pd.DataFrame], schema: pa.Schema) -> None:
        self.error: Exception | None = None
        self._frames = frames
        self._schema = schema

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        with ThreadPoolExecutor(max_workers=1) as maker:
            while (frame := self._next(maker)) is not None:
                yield from pa.Table.from_pandas(frame, self._schema, preserve_index=False).to_batches()

    def _next(self, maker: ThreadPoolExecutor) -> pd.DataFrame | None:
        try:
            return maker.submit(next, self._frames, None).result()
        except Exception as error:
            self.error = error
            raise


def _to_frame(table: pa.Table) -> pd.DataFrame:
    # Nullable booleans keep "unknown" apart from "no"; dates stay dates that compare with timestamps.
    frame: pd.DataFrame = table.to_pandas(
        types_mapper={pa.bool_(): pd.BooleanDtype()}.get, date_as_object=False
    )
    return frame


def _expression(where: Where | None) -> pc.Expression | None:
    if not where:
        return None
    return functools.reduce(lambda left, right: left & right, [_among(*item) for item in where.items()])


def _among(column: str, values: Sequence[object]) -> pc.Expression:
    known = [value for value in values if value is not None]
    found = pc.field(column).isin(known) if known else pc.scalar(False)
    return (found | pc.field(column).is_null()) if None in values else found


def _predicate(where: Where) -> str:
    return " AND ".join(_sql(*item) for item in where.items())


def _sql(column: str, values: Sequence[object]) -> str:
    known = ", ".join(_literal(value) for value in values if value is not None)
    rules = [f"{column} IN ({known})"] if known else []
    rules += [f"{column} IS NULL"] if None in values else []
    return "(" + (" OR ".join(rules) or "1 = 0") + ")"


def _literal(value: object) -> str:
    if isinstance(value, int | float):
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"
