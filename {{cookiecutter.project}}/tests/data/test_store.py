"""Tables that are written whole or not at all, keep their past, and give back what was put in."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from churn.data import store as store_module
from churn.data.store import LocalStore, open_store
from churn.errors import ChurnError, DataError, UsageError

JANUARY, FEBRUARY = date(2024, 1, 31), date(2024, 2, 29)
NOON = datetime(2024, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)
SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("day", pa.date32()),
        ("amount", pa.float64()),
        ("flag", pa.bool_()),
        ("count", pa.int64()),
        ("at", pa.timestamp("us", tz="UTC")),
    ]
)


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


def rows(*keys: str, day: date | None = JANUARY, count: int = 1) -> pd.DataFrame:
    known: dict[str, Any] = {"day": day, "amount": 1.5, "flag": True, "count": count, "at": NOON}
    return pd.DataFrame([{"key": key} | known for key in keys], columns=SCHEMA.names)


def mixed() -> pd.DataFrame:
    """Two January rows, one February row, one without a date; the last knows nothing else either."""
    unknown = rows("o'clock", day=None).assign(amount=None, flag=None)
    return pd.concat([rows("a", "b"), rows("c", day=FEBRUARY), unknown], ignore_index=True)


def keys(store: LocalStore, table: str = "t", **where: Sequence[object]) -> list[str]:
    return sorted(store.read(table, ["key"], where=where)["key"])


class StopError(Exception):
    """Raised by a source of rows that breaks down."""


def breaking(*frames: pd.DataFrame) -> Iterator[pd.DataFrame]:
    yield from frames
    raise StopError("in the middle")


def test_an_address_names_the_kind_of_store_and_its_folder(tmp_path: Path) -> None:
    store = open_store(f"local:{tmp_path}/new/folder")
    assert isinstance(store, LocalStore)
    assert (tmp_path / "new" / "folder").is_dir()
    assert store.address == f"local:{tmp_path}/new/folder"
    assert store.tracking_uri == store.registry_uri == f"sqlite:///{tmp_path}/new/folder/mlflow.db"
    assert store.artifact_root == f"file://{tmp_path}/new/folder/artifacts"


@pytest.mark.parametrize(
    "address", ["", "local", "local:", "uc:main.churn", "s3://bucket", ".churn", "Local:x"]
)
def test_any_other_address_is_refused_with_the_right_way_to_write_it(address: str) -> None:
    with pytest.raises(UsageError, match="write local:FOLDER") as caught:
        open_store(address)
    assert repr(address) in str(caught.value)


@pytest.mark.parametrize(
    "name", ["a b", "M\N{LATIN SMALL LETTER U WITH DIAERESIS}ller", "it's", "{{name}}", "50%"]
)
def test_a_folder_may_have_an_unusual_name(tmp_path: Path, name: str) -> None:
    store = open_store(f"local:{tmp_path / name}")
    store.write("t", rows("a"), SCHEMA)
    store.write("t", rows("b", day=FEBRUARY), SCHEMA, replace={"day": [FEBRUARY]})
    assert sorted(store.read("t")["key"]) == ["a", "b"]
    assert store.exists("t")


@pytest.mark.parametrize("name", ["[old]", "a%20b", "a^b", "a|b", "a\\b", "a#b", "a?b"])
def test_a_folder_that_delta_cannot_address_is_refused_before_anything_is_written(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(UsageError, match="another folder") as caught:
        open_store(f"local:{tmp_path / name}")
    assert repr(name)[1:-1] in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_delta_cannot_address_is_refused_wherever_in_the_path_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "[old]").mkdir()
    monkeypatch.chdir(tmp_path / "[old]")
    with pytest.raises(UsageError, match="another folder"):
        open_store("local:.churn")
    assert not list(Path().iterdir())


def test_opening_a_store_again_finds_its_tables(tmp_path: Path) -> None:
    open_store(f"local:{tmp_path}").write("t", rows("a"), SCHEMA)
    assert open_store(f"local:{tmp_path}").read("t")["key"].tolist() == ["a"]


def test_two_stores_share_nothing(tmp_path: Path) -> None:
    staging, production = (open_store(f"local:{tmp_path}/{name}") for name in ("staging", "production"))
    staging.write("t", rows("a"), SCHEMA)
    assert staging.exists("t")
    assert not production.exists("t")


def test_every_type_comes_back_as_it_went_in(store: LocalStore) -> None:
    store.write("t", mixed(), SCHEMA)
    frame = store.read("t").sort_values("key", ignore_index=True)
    assert {name: str(frame[name].dtype) for name in ("day", "amount", "flag", "count", "at")} == {
        "day": "datetime64[ms]",
        "amount": "float64",
        "flag": "boolean",
        "count": "int64",
        "at": "datetime64[us, UTC]",
    }
    assert frame["key"].tolist() == ["a", "b", "c", "o'clock"]
    assert frame["day"].tolist()[:3] == [pd.Timestamp(JANUARY), pd.Timestamp(JANUARY), pd.Timestamp(FEBRUARY)]
    assert frame["day"].isna().tolist() == [False, False, False, True]
    assert frame["flag"].isna().tolist() == [False, False, False, True]
    assert frame["amount"].isna().tolist() == [False, False, False, True]
    assert (frame["at"] == pd.Timestamp(NOON)).all()


def test_unknown_and_no_stay_apart(store: LocalStore) -> None:
    frame = rows("yes", "no", "unknown").assign(flag=pd.array([True, False, None], dtype="boolean"))
    store.write("t", frame, SCHEMA)
    read = store.read("t").set_index("key")["flag"]
    assert read.loc[["yes", "no"]].tolist() == [True, False]
    assert pd.isna(read.loc["unknown"])


def test_hostile_texts_come_back_unharmed(store: LocalStore) -> None:
    texts = ["", "'", '"', "';--", "a\nb", "\N{SNOWMAN}", "NULL", "\\", "%", "x" * 10_000]
    store.write("t", rows(*texts), SCHEMA)
    assert keys(store) == sorted(texts)
    for text in texts:
        assert keys(store, key=[text]) == [text]


def test_only_the_columns_asked_for_are_read(store: LocalStore) -> None:
    store.write("t", mixed(), SCHEMA)
    assert list(store.read("t", ["count", "key"]).columns) == ["count", "key"]
    assert [list(frame.columns) for frame in store.scan("t", ["flag"])] == [["flag"]]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ({}, ["a", "b", "c", "o'clock"]),
        ({"key": ["a"]}, ["a"]),
        ({"key": ["a", "o'clock", "nobody"]}, ["a", "o'clock"]),
        ({"day": [JANUARY]}, ["a", "b"]),
        ({"day": [None]}, ["o'clock"]),
        ({"day": [FEBRUARY, None]}, ["c", "o'clock"]),
        ({"day": [JANUARY], "key": ["b", "c"]}, ["b"]),
        ({"day": [None], "key": ["a"]}, []),
        ({"flag": [True]}, ["a", "b", "c"]),
        ({"flag": [None]}, ["o'clock"]),
        ({"count": [1]}, ["a", "b", "c", "o'clock"]),
        ({"count": [2]}, []),
        ({"day": []}, []),
    ],
)
def test_rows_are_found_by_their_values(
    store: LocalStore, where: Mapping[str, Sequence[object]], found: list[str]
) -> None:
    store.write("t", mixed(), SCHEMA)
    assert sorted(store.read("t", where=where)["key"]) == found
    assert sorted(key for frame in store.scan("t", where=where) for key in frame["key"]) == found


@pytest.mark.parametrize(
    ("where", "new", "left"),
    [
        ({"day": [JANUARY]}, rows("new"), ["c", "new", "o'clock"]),
        ({"day": [FEBRUARY]}, rows("new", day=FEBRUARY), ["a", "b", "new", "o'clock"]),
        ({"day": [None]}, rows("new", day=None), ["a", "b", "c", "new"]),
        ({"day": [JANUARY, None]}, rows("new", day=None), ["c", "new"]),
        ({"day": [date(2024, 3, 31)]}, rows("new", day=date(2024, 3, 31)), ["a", "b", "c", "new", "o'clock"]),
        ({"key": ["o'clock"]}, rows("o'clock"), ["a", "b", "c", "o'clock"]),
        ({"key": ["a"], "day": [FEBRUARY]}, rows(), ["a", "b", "c", "o'clock"]),
        ({"key": ["a"], "day": [JANUARY]}, rows(), ["b", "c", "o'clock"]),
        ({"key": ["a' OR '1'='1"]}, rows(), ["a", "b", "c", "o'clock"]),
        ({"flag": [True]}, rows(), ["o'clock"]),
        ({"count": [1]}, rows("new"), ["new"]),
        ({"day": []}, rows(), ["a", "b", "c", "o'clock"]),
        ({}, rows("new"), ["new"]),
        ({}, rows(), []),
    ],
)
def test_the_selected_rows_are_replaced_and_no_others(
    store: LocalStore, where: Mapping[str, Sequence[object]], new: pd.DataFrame, left: list[str]
) -> None:
    store.write("t", mixed(), SCHEMA)
    store.write("t", new, SCHEMA, replace=where)
    assert keys(store) == left
    store.write("t", new, SCHEMA, replace=where)
    assert keys(store) == left


@pytest.mark.parametrize(
    "word", ["date", "timestamp", "order", "end", "group", "case", "time", "value", "index"]
)
def test_a_column_may_be_called_by_a_word_of_sql(store: LocalStore, word: str) -> None:
    schema = pa.schema([(word, pa.date32()), ("count", pa.int64())])
    store.write("t", pd.DataFrame({word: [JANUARY, FEBRUARY, None], "count": [1, 2, 3]}), schema)
    replaced = pd.DataFrame({word: [JANUARY], "count": [4]})
    store.write("t", replaced, schema, replace={word: [JANUARY, None]})
    assert sorted(store.read("t")["count"]) == [2, 4]


def test_replacing_in_a_table_that_is_not_there_makes_it(store: LocalStore) -> None:
    assert store.write("t", rows("a"), SCHEMA, replace={"day": [JANUARY]}) == 0
    assert store.write("u", rows("a"), SCHEMA, replace={}) == 0
    assert keys(store, "t") == keys(store, "u") == ["a"]


def test_appending_keeps_what_was_there(store: LocalStore) -> None:
    store.write("t", rows("a"), SCHEMA)
    store.write("t", rows("a", "b"), SCHEMA)
    assert keys(store) == ["a", "a", "b"]


def test_a_table_without_rows_is_a_table(store: LocalStore) -> None:
    store.write("t", rows(), SCHEMA)
    assert store.exists("t")
    assert list(store.read("t").columns) == SCHEMA.names
    assert len(store.read("t")) == 0
    assert list(store.scan("t")) == []


def test_every_write_makes_the_next_version_and_keeps_the_last(store: LocalStore) -> None:
    assert [store.write("t", rows(key), SCHEMA, replace={}) for key in "abc"] == [0, 1, 2]
    assert store.version("t") == 2
    assert [store.read("t", version=number)["key"].tolist() for number in (0, 1, 2)] == [["a"], ["b"], ["c"]]
    assert [frame["key"].tolist() for frame in store.scan("t", version=1)] == [["b"]]


def test_a_missing_table_is_an_error_that_says_how_to_make_it(store: LocalStore) -> None:
    assert not store.exists("customers")
    for attempt in (store.read, store.version, lambda table: list(store.scan(table))):
        with pytest.raises(DataError, match="has no table 'customers'; 'churn load FILE'") as caught:
            attempt("customers")
        assert store.address in str(caught.value)


def test_a_missing_version_is_an_error_that_names_it(store: LocalStore) -> None:
    store.write("t", rows("a"), SCHEMA)
    with pytest.raises(DataError, match="has no version 7 of table 't'"):
        store.read("t", version=7)
    with pytest.raises(DataError, match="has no version 7 of table 't'"):
        list(store.scan("t", version=7))


@pytest.mark.parametrize("replace", [None, {}, {"day": [JANUARY]}], ids=["append", "all", "some"])
@pytest.mark.parametrize("before", [0, 1, 3], ids=["at once", "after one frame", "after three frames"])
def test_a_source_that_breaks_leaves_the_table_as_it_was(
    store: LocalStore, replace: Mapping[str, Sequence[object]] | None, before: int
) -> None:
    store.write("t", mixed(), SCHEMA)
    with pytest.raises(StopError, match="in the middle"):
        store.write("t", breaking(*(rows("new") for _ in range(before))), SCHEMA, replace=replace)
    assert keys(store) == keys_of(mixed())
    assert store.version("t") == 0


def keys_of(frame: pd.DataFrame) -> list[str]:
    return sorted(frame["key"])


def test_a_source_that_breaks_makes_no_table(store: LocalStore) -> None:
    with pytest.raises(StopError):
        store.write("t", breaking(rows("a")), SCHEMA)
    assert not store.exists("t")
    assert store.write("t", rows("b"), SCHEMA) == 0


def test_an_error_of_ours_comes_out_of_a_source_as_it_is(store: LocalStore) -> None:
    def refusing() -> Iterator[pd.DataFrame]:
        yield rows("a")
        raise DataError("the contract refused")

    with pytest.raises(DataError, match=r"^the contract refused$"):
        store.write("t", refusing(), SCHEMA)


def test_a_source_may_read_the_store_it_is_written_to(store: LocalStore) -> None:
    store.write("t", mixed(), SCHEMA)

    def copied() -> Iterator[pd.DataFrame]:
        for frame in store.scan("t"):
            yield frame.assign(count=frame["count"] + 1)
        store.write("log", rows("done"), SCHEMA)

    store.write("t", copied(), SCHEMA, replace={})
    assert store.read("t")["count"].tolist() == [2, 2, 2, 2]
    assert store.exists("log")


def test_frames_of_a_source_are_written_in_one_version(store: LocalStore) -> None:
    store.write("t", iter([rows("a"), rows(), rows("b", "c")]), SCHEMA)
    assert keys(store) == ["a", "b", "c"]
    assert store.version("t") == 0


def test_a_scan_holds_no_more_rows_at_a_time_than_a_batch(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "BATCH_ROWS", 10)
    many = [f"{number:03d}" for number in range(95)]
    store.write("t", iter([rows(*many[:45]), rows(*many[45:])]), SCHEMA)
    sizes = [len(frame) for frame in store.scan("t")]
    assert max(sizes) == 10
    assert sum(sizes) == 95
    assert sorted(key for frame in store.scan("t") for key in frame["key"]) == many
    assert [len(frame) for frame in store.scan("t", where={"key": ["007"]})] == [1]


def test_a_scan_reads_what_a_read_reads(store: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "BATCH_ROWS", 3)
    store.write("t", mixed(), SCHEMA)
    scanned = pd.concat(list(store.scan("t")), ignore_index=True)
    pd.testing.assert_frame_equal(scanned, store.read("t"))


def with_type(name: str, kind: pa.DataType) -> pa.Schema:
    return SCHEMA.set(SCHEMA.get_field_index(name), pa.field(name, kind))


CHANGED: dict[str, tuple[pa.Schema, dict[str, Any]]] = {
    "added": (SCHEMA.append(pa.field("new", pa.string())), {"new": "x"}),
    "removed": (SCHEMA.remove(5), {}),
    "number to text": (with_type("amount", pa.string()), {"amount": "many"}),
    "text to number": (with_type("key", pa.float64()), {"key": 1.0}),
    "number to flag": (with_type("amount", pa.bool_()), {"amount": True}),
    "flag to number": (with_type("flag", pa.float64()), {"flag": 1.0}),
}


@pytest.mark.parametrize("replace", [None, {}, {"day": [JANUARY]}], ids=["append", "all", "some"])
@pytest.mark.parametrize("change", CHANGED)
def test_a_changed_schema_is_refused_and_the_table_stays(
    store: LocalStore, change: str, replace: Mapping[str, Sequence[object]] | None
) -> None:
    store.write("t", mixed(), SCHEMA)
    schema, values = CHANGED[change]
    with pytest.raises(DataError, match=r"table 't' of .* has other columns; use another --store"):
        store.write("t", rows("new").assign(**values), schema, replace=replace)
    assert keys(store) == keys_of(mixed())
    assert store.version("t") == 0


def test_the_order_of_columns_is_no_change(store: LocalStore) -> None:
    store.write("t", rows("a"), SCHEMA)
    store.write("t", rows("b"), pa.schema(list(SCHEMA)[::-1]))
    assert keys(store) == ["a", "b"]
    assert store.read("t")["count"].tolist() == [1, 1]


def test_columns_beyond_the_schema_are_left_out(store: LocalStore) -> None:
    store.write("t", rows("a").assign(secret="x"), SCHEMA)  # noqa: S106
    assert list(store.read("t").columns) == SCHEMA.names


def test_a_folder_that_is_a_file_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises((OSError, ChurnError)):
        open_store(f"local:{tmp_path / 'file'}")
