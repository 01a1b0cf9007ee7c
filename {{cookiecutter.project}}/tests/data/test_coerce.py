"""What a value safely means is read, whatever it arrived as; what it might mean is not guessed."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn.data.coerce import Reading, read_category, read_date, read_flag, read_key, read_number

THOROUGH = settings(max_examples=100, deadline=None, derandomize=True, database=None)
Reader = Callable[[pd.Series], Reading]
CONTRACTS = ("Month-to-month", "One year", "Two year")


def objects(*values: object) -> pd.Series:
    """Values as a CSV reader or a careless caller hands them over."""
    return pd.Series(list(values), dtype="object")


def known(reading: Reading) -> list[object]:
    """The values that were read, None where there is none."""
    return [None if pd.isna(value) else value for value in reading.values.tolist()]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("29.85", 29.85),
        ("  29.85\t", 29.85),
        ("\N{NO-BREAK SPACE}7", 7.0),
        ("34", 34.0),
        ("+5", 5.0),
        ("-5", -5.0),
        ("5.", 5.0),
        (".5", 0.5),
        ("007", 7.0),
        ("1E+2", 100.0),
        ("1e-400", 0.0),
        ("9" * 25, 1e25),
        (5, 5.0),
        (5.5, 5.5),
        (Decimal("1889.5"), 1889.5),
        (np.int64(3), 3.0),
        (10**30, 1e30),
    ],
)
def test_a_number_written_as_text_is_that_number(text: object, number: float) -> None:
    reading = read_number(objects(text))
    assert known(reading) == [number]
    assert reading.values.dtype == "float64"
    assert not reading.unreadable.any()


@pytest.mark.parametrize(
    "value",
    [
        "1,5",
        "1.234,56",
        "1_000",
        "$5",
        "5 %",
        "5 months",
        "1 2",
        "--5",
        "\N{MINUS SIGN}5",
        "0x10",
        "1e",
        "1e999",
        "-1e999",
        "1" + "0" * 400,
        "inf",
        "-Infinity",
        "-nan",
        "=1+1",
        "five",
        "\N{ARABIC-INDIC DIGIT FIVE}",
        "5\x00",
        ".1\x00811y",
        "+4.e\t3",
        "4e 3",
        "5\n6",
        "true",
        "x" * 10_000,
        True,
        float("inf"),
        Decimal("Infinity"),
        date(2024, 1, 31),
        b"5",
    ],
)
def test_what_is_not_surely_a_number_is_unreadable_and_never_a_value(value: object) -> None:
    reading = read_number(objects(value, "7"))
    assert known(reading) == [None, 7.0]
    assert reading.unreadable.tolist() == [True, False]


@THOROUGH
@given(number=st.floats(allow_nan=False, allow_infinity=False, width=64))
def test_a_number_survives_being_written_in_full(number: float) -> None:
    assert known(read_number(objects(repr(number)))) == [number]


@THOROUGH
@given(text=st.text(max_size=12))
def test_any_text_is_a_finite_number_or_missing_or_unreadable(text: str) -> None:
    reading = read_number(objects(text))
    value, unreadable = reading.values.iloc[0], bool(reading.unreadable[0])
    assert np.isfinite(value) + unreadable + reading.blanks == 1


@settings(THOROUGH, max_examples=150)
@given(texts=st.lists(st.text(alphabet="0123456789+-.eE_ \t\x00", max_size=7), max_size=40))
def test_what_is_read_from_the_signs_of_a_number_is_what_they_say(texts: list[str]) -> None:
    reading = read_number(objects(*texts))
    for text, value, unreadable in zip(texts, known(reading), reading.unreadable.tolist(), strict=True):
        assert (value is None) == (unreadable or not text.strip())
        assert value is None or value == float(text)


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([1, 0, 3], dtype="int64"),
        pd.Series([1, 0, 3], dtype="uint8"),
        pd.Series([1, 0, 3], dtype="float32"),
        pd.Series([1, 0, 3], dtype="Int64"),
        pd.Series([1, 0, 3], dtype="Float64"),
        pd.Series([1, 0, 3], dtype="int32[pyarrow]"),
        pd.Series([1, 0, 3], dtype="double[pyarrow]"),
        pd.Series([1, 0, 3], dtype="category"),
        pd.Series(["1", "0.0", "3."], dtype="category"),
        pd.Series(["1", "0.0", "3."], dtype="string"),
        pd.Series(["1", "0.0", "3."], dtype="string[pyarrow]"),
    ],
    ids=lambda column: str(column.dtype),
)
def test_a_number_of_any_type_becomes_float64(column: pd.Series) -> None:
    reading = read_number(column)
    assert reading.values.dtype == "float64"
    assert known(reading) == [1.0, 0.0, 3.0]
    assert not reading.unreadable.any()


@pytest.mark.parametrize("dtype", ["float64", "Float64", "double[pyarrow]"])
def test_a_typed_infinity_is_unreadable_and_a_typed_gap_is_missing(dtype: str) -> None:
    reading = read_number(pd.Series([1.0, np.inf, -np.inf, None], dtype=dtype))
    assert known(reading) == [1.0, None, None, None]
    assert reading.unreadable.tolist() == [False, True, True, False]


@pytest.mark.parametrize("dtype", ["bool", "boolean", "bool[pyarrow]", "object"])
def test_yes_and_no_are_not_numbers(dtype: str) -> None:
    reading = read_number(pd.Series([True, False], dtype=dtype))
    assert reading.unreadable.tolist() == [True, True]


@pytest.mark.parametrize("values", [(1, True), (True, 1), (1.0, True), (0, False), (False, 0.0)])
def test_a_number_is_read_alike_whichever_equal_value_stands_above_it(values: tuple[object, ...]) -> None:
    reading = read_number(objects(*values))
    assert reading.unreadable.tolist() == [isinstance(value, bool) for value in values]


@pytest.mark.parametrize("blank", ["", "   ", "NA", "n/a", "NaN", "NaT", "null", "None", "<NA>", " none "])
def test_a_blank_is_missing_and_counted_in_every_kind_of_column(blank: str) -> None:
    for reading in (
        read_number(objects(blank, "1")),
        read_flag(objects(blank, "1")),
        read_category(objects(blank, "1"), ("1", "2")),
        read_key(objects(blank, "1")),
        read_date(objects(blank, "2024-01-31")),
    ):
        assert reading.values.isna().tolist() == [True, False]
        assert not reading.unreadable.any()
        assert reading.blanks == 1


@pytest.mark.parametrize("gap", [None, np.nan, pd.NA, pd.NaT])
def test_what_is_missing_already_is_missing_and_not_counted_as_a_blank(gap: object) -> None:
    for reading in (
        read_number(objects(gap, "1")),
        read_flag(objects(gap, "1")),
        read_category(objects(gap, "1"), ("1", "2")),
        read_key(objects(gap, "1")),
        read_date(objects(gap, "2024-01-31")),
    ):
        assert reading.values.isna().tolist() == [True, False]
        assert not reading.unreadable.any()
        assert reading.blanks == 0


def test_rows_are_counted_and_not_distinct_values() -> None:
    reading = read_number(objects("1", "1", "", "", " ", None, "x", "x", "2"))
    assert reading.blanks == 3
    assert reading.changed == 3
    assert reading.unreadable.sum() == 2


def test_typed_values_were_not_changed() -> None:
    assert read_number(pd.Series([1.0, 2.0])).changed == 0
    assert read_flag(pd.Series([True, False])).changed == 0
    assert read_category(objects(*CONTRACTS), CONTRACTS).changed == 0
    assert read_category(objects("one year", "One year", "ONE YEAR "), CONTRACTS).changed == 2


@pytest.mark.parametrize(
    ("word", "meaning"),
    [
        ("Yes", True),
        ("YES ", True),
        ("y", True),
        ("True", True),
        ("1", True),
        ("1.0", True),
        (1, True),
        (1.0, True),
        (True, True),
        (np.True_, True),
        ("No", False),
        (" n", False),
        ("FALSE", False),
        ("0", False),
        ("0.0", False),
        (0, False),
        (0.0, False),
        (False, False),
    ],
)
def test_yes_and_no_are_read_in_their_usual_spellings(word: object, meaning: bool) -> None:
    reading = read_flag(objects(word))
    assert known(reading) == [meaning]
    assert reading.values.dtype == "boolean"


@pytest.mark.parametrize("word", ["maybe", "2", "-1", 2, 0.5, "yes!", "Yes No", "ja", "10", "=TRUE()"])
def test_what_is_neither_yes_nor_no_is_unreadable(word: object) -> None:
    reading = read_flag(objects(word, "No"))
    assert known(reading) == [None, False]
    assert reading.unreadable.tolist() == [True, False]


def test_a_flag_takes_the_words_it_is_given() -> None:
    words = {"left": True, "stays": False}
    assert known(read_flag(objects("LEFT", " stays"), words)) == [True, False]
    assert read_flag(objects("gone"), words).unreadable.all()
    assert read_flag(objects("left")).unreadable.all()


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([True, None, False], dtype="boolean"),
        pd.Series([True, None, False], dtype="bool[pyarrow]"),
        pd.Series([True, None, False], dtype="object"),
        pd.Series([True, None, False], dtype="category"),
        pd.Series([1, None, 0], dtype="Int64"),
        pd.Series([1, None, 0], dtype="int8[pyarrow]"),
        pd.Series([1, None, 0], dtype="float64"),
        pd.Series([1, None, 0], dtype="float32"),
        pd.Series(["Yes", None, "No"], dtype="string"),
        pd.Series(["Yes", None, "No"], dtype="category"),
    ],
    ids=lambda column: str(column.dtype),
)
def test_a_flag_of_any_type_becomes_a_nullable_boolean(column: pd.Series) -> None:
    reading = read_flag(column)
    assert reading.values.dtype == "boolean"
    assert known(reading) == [True, None, False]


def test_a_category_is_spelled_as_declared() -> None:
    reading = read_category(objects("MONTH-TO-MONTH", " one year ", "Two year"), CONTRACTS)
    assert known(reading) == list(CONTRACTS)
    assert reading.values.dtype == "object"


def test_an_undeclared_category_is_kept_for_the_contract_to_judge() -> None:
    reading = read_category(objects("Three year", "=1+1", "Two  year"), CONTRACTS)
    assert known(reading) == ["Three year", "=1+1", "Two  year"]
    assert not reading.unreadable.any()


@pytest.mark.parametrize("word", ["None", "N/A", ""])
def test_a_declared_category_that_looks_like_a_blank_is_a_value(word: str) -> None:
    reading = read_category(objects(word, word.lower(), "NULL"), (word, "Some"))
    assert known(reading) == [word, word, None]
    assert reading.blanks == 1


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([1, 2], dtype="int64"),
        pd.Series([1, 2, None], dtype="Int64"),
        pd.Series([1, 2, None], dtype="float64"),
        pd.Series([1, 2, None], dtype="float32"),
        pd.Series([1, 2, None], dtype="double[pyarrow]"),
        pd.Series([1.0, 2.0, None], dtype="object"),
        pd.Series([1.0, 2.0, None], dtype="category"),
    ],
    ids=lambda column: str(column.dtype),
)
def test_integer_codes_are_categories_also_where_a_gap_made_them_floats(column: pd.Series) -> None:
    assert known(read_category(column, ("1", "2")))[:2] == ["1", "2"]


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([7590, 12, None], dtype="float64"),
        pd.Series([7590, 12, None], dtype="Float64"),
        pd.Series([7590, 12, None], dtype="Int64"),
        pd.Series([7590, 12, None], dtype="double[pyarrow]"),
        pd.Series([7590, 12, None], dtype="int64[pyarrow]"),
        pd.Series([7590.0, 12.0, None], dtype="object"),
        pd.Series(["7590", " 12 ", None], dtype="object"),
        pd.Series(["7590", "12", None], dtype="category"),
    ],
    ids=lambda column: str(column.dtype),
)
def test_a_key_is_text_without_the_fraction_a_format_gave_it(column: pd.Series) -> None:
    assert known(read_key(column)) == ["7590", "12", None]


@pytest.mark.parametrize("other", [1.5, 1e20, float("inf")])
def test_a_key_is_read_alike_whatever_other_keys_its_column_holds(other: float) -> None:
    assert known(read_key(pd.Series([12.0, other])))[0] == "12"


def test_a_key_keeps_its_zeros_and_its_case() -> None:
    assert known(read_key(objects("007", "Ab", "1.0", "-"))) == ["007", "Ab", "1.0", "-"]


@pytest.mark.parametrize(
    "moment",
    [
        "2024-01-31",
        " 2024-01-31 ",
        "2024-01-31T00:00:00",
        "2024-01-31 23:59:59",
        "2024-01-31T12:30",
        "2024-01-31T12:30:00.123456",
        "2024-01-31T12:30:00Z",
        "2024-01-31T00:00:00+02:00",
        "2024-01-31T23:30:00-05:00",
        date(2024, 1, 31),
        datetime(2024, 1, 31, 18, 0),
        datetime(2024, 1, 31, 18, 0, tzinfo=UTC),
        np.datetime64("2024-01-31T05:00"),
        pd.Timestamp("2024-01-31 05:00"),
        pd.Timestamp("2024-01-31", tz="Europe/Berlin"),
    ],
    ids=str,
)
def test_a_date_is_midnight_of_the_day_that_is_written(moment: object) -> None:
    reading = read_date(objects(moment))
    assert known(reading) == [pd.Timestamp("2024-01-31")]
    assert reading.values.dtype == "datetime64[ms]"


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo"])
def test_a_typed_moment_is_the_day_its_own_clock_shows(zone: str) -> None:
    column = (
        objects("2024-01-31 00:00", "2024-02-29 23:00", None).astype("datetime64[ns]").dt.tz_localize(zone)
    )
    assert known(read_date(column)) == [pd.Timestamp("2024-01-31"), pd.Timestamp("2024-02-29"), None]


@pytest.mark.parametrize(
    "dtype", ["datetime64[ns]", "datetime64[s]", "date32[pyarrow]", "timestamp[us][pyarrow]"]
)
def test_a_typed_date_is_that_day(dtype: Any) -> None:
    column = objects(date(2024, 1, 31), None).astype("datetime64[ns]").astype(dtype)
    assert known(read_date(column)) == [pd.Timestamp("2024-01-31"), None]


@pytest.mark.parametrize(
    "value",
    [
        "31.01.2024",
        "01/31/2024",
        "2024-1-31",
        "20240131",
        "2024-02-30",
        "2024-13-01",
        "2024-01-31 at noon",
        "2024-01-31T25:00",
        "2024-01",
        "2024",
        "yesterday",
        "45322",
        20240131,
        1706659200,
        "=TODAY()",
    ],
)
def test_what_is_not_an_iso_date_is_unreadable(value: object) -> None:
    reading = read_date(objects(value, "2024-01-31"))
    assert known(reading) == [None, pd.Timestamp("2024-01-31")]
    assert reading.unreadable.tolist() == [True, False]


@pytest.mark.parametrize("day", ["0000-01-01", "0001-01-01", "1899-12-31", "2200-01-01", "9999-12-31"])
def test_a_day_no_customer_was_described_on_is_a_placeholder_and_no_date(day: str) -> None:
    moments = pd.Series(np.array([day, "2024-01-31"], dtype="datetime64[s]"))
    for column in (objects(day, "2024-01-31"), objects(f"{day}T10:00:00Z", "2024-01-31"), moments):
        reading = read_date(column)
        assert known(reading) == [None, pd.Timestamp("2024-01-31")]
        assert reading.unreadable.tolist() == [True, False]


@pytest.mark.parametrize("day", ["1900-01-01", "2199-12-31"])
def test_the_first_and_the_last_day_a_customer_may_be_described_on_are_dates(day: str) -> None:
    for column in (objects(day), pd.Series(np.array([day], dtype="datetime64[s]"))):
        assert known(read_date(column)) == [pd.Timestamp(day)]


@pytest.mark.parametrize("reader", [read_number, read_flag, read_key, read_date])
@pytest.mark.parametrize("value", [[1], {"a": 1}, np.array([1, 2])], ids=["list", "dict", "array"])
def test_a_nested_value_does_not_stop_the_reading(reader: Reader, value: object) -> None:
    column = objects(value, None)
    assert reader(column).values.isna().tolist()[1]
    if reader is not read_key:
        assert reader(column).unreadable.tolist() == [True, False]


def test_rows_keep_their_order_and_index() -> None:
    column = pd.Series(["3", "1", None, "3"], index=[9, 9, 4, 0], dtype="object")
    for reading in (read_number(column), read_key(column), read_category(column, ("1", "3"))):
        assert reading.values.index.tolist() == [9, 9, 4, 0]
        assert [str(value)[0] for value in known(reading)] == ["3", "1", "N", "3"]


def test_a_column_is_not_changed_by_reading_it() -> None:
    column = objects(" 1", "yes", None, 2.0, "2024-01-31")
    before = column.copy(deep=True)
    for reader in (read_number, read_flag, read_key, read_date):
        reader(column)
    read_category(column, ("1", "2"))
    pd.testing.assert_series_equal(column, before)


def test_a_column_without_rows_is_read() -> None:
    for reading in (
        read_number(objects()),
        read_flag(objects()),
        read_category(objects(), CONTRACTS),
        read_key(objects()),
        read_date(objects()),
    ):
        assert len(reading.values) == len(reading.unreadable) == reading.blanks == reading.changed == 0


@settings(THOROUGH, max_examples=25)
@given(
    texts=st.lists(st.sampled_from(["1", "0", "yes", "", "x", "2024-01-31", "None", None, "1.0"]), max_size=6)
)
def test_a_value_is_read_alike_alone_and_among_others(texts: list[str | None]) -> None:
    for reader in (read_number, read_flag, read_key, read_date):
        together = reader(objects(*texts))
        alone = [reader(objects(text)) for text in texts]
        assert known(together) == [known(reading)[0] for reading in alone]
        assert together.unreadable.tolist() == [bool(reading.unreadable[0]) for reading in alone]
        assert together.blanks == sum(reading.blanks for reading in alone)
        assert together.changed == sum(reading.changed for reading in alone)
