"""No row disappears and no bad value enters: rows in are accepted or quarantined with the reason."""

import json
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churn.config import Problem, load_config
from churn.config.problem import Column
from churn.data.contract import (
    TWICE,
    Outcome,
    apply_contract,
    arrow_schema,
    check_limits,
    examine,
    snake_case,
)
from churn.data.sample import sample_customers
from churn.errors import DataError

THOROUGH = settings(max_examples=40, deadline=None, derandomize=True, database=None)
PROBLEM = load_config().problem
KEY, DAY, LABEL = PROBLEM.entity, PROBLEM.snapshot, PROBLEM.label.column
COLUMNS = [KEY, DAY, *PROBLEM.columns, LABEL]
TEXTS = sample_customers(40, months=4)

# One customer as the public telco file writes it, with the date this project adds.
CUSTOMER: dict[str, object] = {
    "customerID": "7590-VHVEG",
    "snapshot_date": "2024-01-31",
    "gender": "Female",
    "SeniorCitizen": "0",
    "Partner": "Yes",
    "Dependents": "No",
    "tenure": "1",
    "PhoneService": "No",
    "MultipleLines": "No phone service",
    "InternetService": "DSL",
    "OnlineSecurity": "No",
    "OnlineBackup": "Yes",
    "DeviceProtection": "No",
    "TechSupport": "No",
    "StreamingTV": "No",
    "StreamingMovies": "No",
    "Contract": "Month-to-month",
    "PaperlessBilling": "Yes",
    "PaymentMethod": "Electronic check",
    "MonthlyCharges": "29.85",
    "TotalCharges": "29.85",
    "Churn": "No",
}

BANK = Problem.model_validate(
    {
        "title": "Borrowers who repay early",
        "entity": "loan_number",
        "snapshot": "reported_on",
        "horizon_days": 90,
        "grace_days": 0,
        "label": {"column": "status", "positive": "2", "negative": "1"},
        "costs": {"customer_value": 1200.0, "offer": 150.0, "contact": 5.0, "acceptance": 0.25},
        "limits": {"quarantined_share": 0.5, "duplicate_share": 0.5},
        "segments": {"columns": ["purpose"]},
        "columns": {
            "purpose": {"kind": "category", "values": ["1", "2", "None"], "missing": True},
            "secured": {"kind": "flag", "missing": True},
            "rate": {"kind": "number", "min": -1.5},
        },
    }
)


def customers(*changes: Mapping[str, object]) -> pd.DataFrame:
    """One row for each set of changes to the customer, under keys of their own unless the changes say."""
    rows = [{**CUSTOMER, "customerID": f"C-{number}", **change} for number, change in enumerate(changes)]
    return pd.DataFrame(rows, dtype="object")


def reasons(outcome: Outcome) -> dict[int, str]:
    rejected = outcome.rejected
    return dict(zip(rejected["row"].tolist(), rejected["reason"].tolist(), strict=True))


def reason(**change: object) -> str:
    """Why a customer with this change is refused; empty when accepted."""
    return reasons(examine(customers(change), PROBLEM)).get(0, "")


def accepted(**change: object) -> dict[str, Any]:
    outcome = examine(customers(change), PROBLEM)
    assert len(outcome.accepted) == 1, outcome.rejected["reason"].tolist()
    record = outcome.accepted.iloc[0].to_dict()
    return {str(name): None if pd.isna(value) else value for name, value in record.items()}


def changed(rows: int, bad: int, **change: str) -> pd.DataFrame:
    """``rows`` good customers of both classes, the last ``bad`` of them with a change."""
    frame = customers(*({"Churn": "Yes" if number % 2 else "No"} for number in range(rows)))
    for column, value in change.items():
        frame.loc[frame.index[rows - bad :], column] = value
    return frame


def test_the_telco_file_needs_no_change_of_names_or_values() -> None:
    outcome = apply_contract(customers({}, {"Churn": "Yes"}), PROBLEM)
    assert list(outcome.accepted.columns) == COLUMNS
    assert outcome.rejected.empty
    assert outcome.ignored == ()
    row = outcome.accepted.iloc[0]
    assert (row[KEY], row[DAY], row["senior_citizen"]) == ("C-0", pd.Timestamp("2024-01-31"), False)
    assert (row["tenure"], row["contract"], row[LABEL]) == (1.0, "Month-to-month", False)
    assert outcome.accepted[LABEL].tolist() == [False, True]


def test_accepted_columns_have_the_types_of_the_customers_table() -> None:
    frame = apply_contract(TEXTS, PROBLEM).accepted
    kinds = {"number": "float64", "flag": "boolean", "category": "object"}
    assert {name: str(frame[name].dtype) for name in PROBLEM.columns} == {
        name: kinds[column.kind] for name, column in PROBLEM.columns.items()
    }
    assert str(frame[KEY].dtype) == "object"
    assert str(frame[DAY].dtype) == "datetime64[ms]"
    assert str(frame[LABEL].dtype) == "boolean"
    table = pa.Table.from_pandas(frame, arrow_schema(PROBLEM), preserve_index=False)
    assert table.num_rows == len(TEXTS)
    assert table.schema.names == COLUMNS


def test_neither_step_changes_its_input() -> None:
    frame = pd.concat([customers({}, {"tenure": "x"}, {"TotalCharges": " "}), customers({})])
    before = frame.copy(deep=True)
    examine(frame, PROBLEM)
    pd.testing.assert_frame_equal(frame, before)
    apply_contract(TEXTS, PROBLEM)
    pd.testing.assert_frame_equal(TEXTS, sample_customers(40, months=4))


@pytest.mark.parametrize(
    ("change", "column", "value"),
    [
        ({"tenure": " 34 "}, "tenure", 34.0),
        ({"tenure": 34}, "tenure", 34.0),
        ({"tenure": "3.4e1"}, "tenure", 34.0),
        ({"tenure": "0"}, "tenure", 0.0),
        ({"tenure": "120"}, "tenure", 120.0),
        ({"TotalCharges": " "}, "total_charges", None),
        ({"TotalCharges": "N/A"}, "total_charges", None),
        ({"TotalCharges": None}, "total_charges", None),
        ({"SeniorCitizen": "1"}, "senior_citizen", True),
        ({"SeniorCitizen": True}, "senior_citizen", True),
        ({"Partner": "no"}, "partner", False),
        ({"Partner": "TRUE"}, "partner", True),
        ({"Contract": "two YEAR "}, "contract", "Two year"),
        ({"InternetService": "no"}, "internet_service", "No"),
        ({"snapshot_date": "2024-01-31T23:59:59"}, DAY, pd.Timestamp("2024-01-31")),
        ({"snapshot_date": date(2024, 1, 31)}, DAY, pd.Timestamp("2024-01-31")),
        ({"Churn": "YES"}, LABEL, True),
        ({"Churn": "0"}, LABEL, False),
        ({"Churn": ""}, LABEL, None),
        ({"customerID": " 0042 "}, KEY, "0042"),
        ({"customerID": 42}, KEY, "42"),
    ],
)
def test_what_is_safely_meant_is_read(change: dict[str, object], column: str, value: object) -> None:
    assert accepted(**change)[column] == value


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tenure": "soon"}, "tenure: 'soon' cannot be read as a number"),
        ({"tenure": "1,5"}, "tenure: '1,5' cannot be read as a number"),
        ({"tenure": "inf"}, "tenure: 'inf' cannot be read as a number"),
        ({"tenure": "1e999"}, "tenure: '1e999' cannot be read as a number"),
        ({"tenure": True}, "tenure: 'True' cannot be read as a number"),
        ({"tenure": "-1"}, "tenure: -1 is below 0"),
        ({"tenure": "120.5"}, "tenure: 120.5 is above 120"),
        ({"tenure": ""}, "tenure: missing"),
        ({"tenure": None}, "tenure: missing"),
        ({"TotalCharges": "-0.01"}, "total_charges: -0.01 is below 0"),
        ({"Partner": "maybe"}, "partner: 'maybe' cannot be read as yes or no"),
        ({"Partner": "2"}, "partner: '2' cannot be read as yes or no"),
        ({"Partner": ""}, "partner: missing"),
        ({"Contract": "Three year"}, "contract: 'Three year' is not a declared value"),
        ({"Contract": "=1+1"}, "contract: '=1+1' is not a declared value"),
        ({"Contract": ""}, "contract: missing"),
        ({"snapshot_date": "31.01.2024"}, "snapshot_date: '31.01.2024' cannot be read as a date"),
        ({"Churn": "maybe"}, "churn: 'maybe' cannot be read as Yes or No"),
        ({"Churn": 2}, "churn: '2' cannot be read as Yes or No"),
        ({"customerID": ""}, "customer_id: missing"),
        ({"customerID": None}, "customer_id: missing"),
    ],
)
def test_a_value_that_breaks_a_rule_is_the_reason(change: dict[str, object], said: str) -> None:
    assert reason(**change).startswith(said)


def test_every_broken_rule_of_a_row_is_a_reason() -> None:
    said = reason(tenure="soon", Contract="Three year", MonthlyCharges="-1", Partner="")
    for column in ("tenure: 'soon'", "contract: 'Three year'", "monthly_charges: -1 is", "partner: missing"):
        assert column in said


def test_a_hostile_value_is_repeated_short_and_on_one_line() -> None:
    said = reason(Contract="x\r\ny" + "z" * 10_000, tenure="\N{PILE OF POO}" * 10_000)
    assert len(said) < 250
    assert len(said.splitlines()) == 1


def test_a_rejected_row_keeps_its_place_and_content() -> None:
    frame = customers(
        {}, {"tenure": "soon", "Contract": "=1+1"}, {}, {"Partner": None, "Churn": "\N{SNOWMAN}"}
    )
    rejected = examine(frame, PROBLEM).rejected
    assert rejected["row"].tolist() == [1, 3]
    first, second = (json.loads(content) for content in rejected["content"])
    assert (first["tenure"], first["Contract"], first["customerID"]) == ("soon", "=1+1", "C-1")
    assert (second["Partner"], second["Churn"]) == (None, "\N{SNOWMAN}")


def test_the_place_of_a_row_does_not_depend_on_the_index_of_its_frame() -> None:
    frame = customers({}, {"tenure": "soon"}, {}).set_axis([5, 5, 0])
    outcome = examine(frame, PROBLEM)
    assert outcome.rejected["row"].tolist() == [1]
    assert outcome.accepted.index.tolist() == [0, 2]


def test_columns_that_are_not_declared_are_ignored_and_named() -> None:
    frame = customers({}, {"Churn": "Yes"}).assign(**{"Shoe size": "43", "tenure months": "1"})
    outcome = apply_contract(frame, PROBLEM)
    assert outcome.ignored == ("shoe_size", "tenure_months")
    assert list(outcome.accepted.columns) == COLUMNS


def test_coercions_are_counted_for_the_log() -> None:
    frame = customers({"TotalCharges": " "}, {"TotalCharges": ""}, {"Contract": "ONE YEAR"})
    coerced = examine(frame, PROBLEM).coerced
    assert coerced["total_charges: blanks read as missing"] == 2
    assert coerced["total_charges: texts read as float64"] == 1
    assert coerced["contract: texts read as object"] == 1
    assert not any(sentence.startswith("gender: ") for sentence in coerced)
    assert all(count > 0 for count in coerced.values())


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("customerID", "customer_id"),
        ("Customer ID", "customer_id"),
        ("CUSTOMER_ID", "customer_id"),
        (" customer-id ", "customer_id"),
        ("customer.id", "customer_id"),
        ("StreamingTV", "streaming_tv"),
        ("TVStreaming", "tv_streaming"),
        ("MonthlyCharges", "monthly_charges"),
        ("Monthly Charges ($)", "monthly_charges"),
        ("customer\nid", "customer_id"),
        ("v2Score", "v2_score"),
        ("tenure", "tenure"),
        ("", ""),
        ("%%%", ""),
    ],
)
def test_a_header_becomes_snake_case(header: str, name: str) -> None:
    assert snake_case(header) == name


@settings(THOROUGH, max_examples=300)
@given(header=st.text(max_size=30))
def test_snake_case_is_stable_and_made_of_words(header: str) -> None:
    name = snake_case(header)
    assert snake_case(name) == name
    assert all(word.isascii() and word.isalnum() and word == word.lower() for word in name.split("_") if name)


HOSTILE = st.one_of(
    st.sampled_from(["", " ", "x" * 500, "\x00", "\N{ZERO WIDTH SPACE}", "=1+1", "None", "TWO YEAR", "2.0"]),
    st.sampled_from(["inf", "-inf", "nan", "1e999", "1,5", "-1", "0", "1", "9" * 30, "yes", "No", "true"]),
    st.sampled_from(["2024-02-29", "2024-02-30", "9999-12-31", "31.01.2024"]),
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.integers(-2, 130),
    st.floats(),
    st.text(max_size=8),
    st.dates(),
    st.datetimes(),
    st.sampled_from([np.nan, pd.NA, pd.NaT, np.int8(3), np.True_]),
)
MUTATIONS = st.lists(
    st.tuples(st.integers(0, len(TEXTS) - 1), st.sampled_from(COLUMNS), HOSTILE), min_size=1, max_size=30
)


def word(value: object) -> str:
    """How a value reads; a whole number reads without its fraction."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value).strip().casefold()


def is_faithful(name: str, given: object, value: object) -> bool:
    """Whether an accepted value lies in its declared domain and says what was given."""
    rule = PROBLEM.columns.get(name, Column(kind="flag", missing=True))
    if pd.isna(value):  # type: ignore[call-overload]
        blank = word(given) in {"", "na", "n/a", "nan", "nat", "null", "none", "<na>"}
        return blank and rule.missing and name not in {KEY, DAY}
    if name == KEY:
        return word(value) == word(given)
    if name == DAY:
        return isinstance(value, pd.Timestamp) and str(given).strip()[:10] == str(value)[:10]
    if rule.kind == "category":
        return value in rule.values and word(value) == word(given)
    if rule.kind == "flag":
        spellings = ("yes", "true", "y", "1", "1.0") if value else ("no", "false", "n", "0", "0.0")
        return value in (True, False) and word(given) in spellings
    assert rule.min is not None
    assert rule.max is not None
    return rule.min <= float(str(value)) <= rule.max and float(str(given)) == value


@THOROUGH
@given(mutations=MUTATIONS)
def test_no_mutation_of_a_row_is_a_silent_bad_value(mutations: list[tuple[int, str, Any]]) -> None:
    frame = TEXTS.astype("object")
    for row, name, value in mutations:
        frame.iat[row, COLUMNS.index(name)] = value
    outcome = examine(frame, PROBLEM)
    why, kept = reasons(outcome), outcome.accepted.index.tolist()
    assert sorted([*why, *kept]) == list(range(len(frame)))
    touched = {row: {name for at, name, _ in mutations if at == row} for row, _, _ in mutations}
    for row, said in why.items():
        # A row nobody touched may only fall with the copy that a mutated key made of it.
        names = touched.get(row, set()) | ({KEY} if TWICE in said else set())
        assert any(f"{name}: " in said for name in names), (row, said)
    for row in set(kept) & set(touched):
        for name in COLUMNS:
            given, value = frame.iat[row, COLUMNS.index(name)], outcome.accepted.at[row, name]
            assert is_faithful(name, given, value), (row, name, given, value)


@settings(THOROUGH, max_examples=8)
@given(mutations=MUTATIONS, size=st.integers(10, 40))
def test_batches_and_the_whole_are_judged_alike(mutations: list[tuple[int, str, Any]], size: int) -> None:
    frame = TEXTS.astype("object")
    for row, name, value in mutations:
        # Keys and dates are left alone: a copy in another batch is the caller's to find.
        if name not in {KEY, DAY}:
            frame.iat[row, COLUMNS.index(name)] = value
    whole = examine(frame, PROBLEM)
    parts = [(start, examine(frame.iloc[start : start + size], PROBLEM)) for start in range(0, 40, size)]
    together = {start + row: said for start, part in parts for row, said in reasons(part).items()}
    assert together == reasons(whole)
    joined = pd.concat([part.accepted for _, part in parts], ignore_index=True)
    pd.testing.assert_frame_equal(joined, whole.accepted.reset_index(drop=True))


SPELLINGS: dict[str, Callable[[str], str]] = {
    "upper": str.upper,
    "lower": str.lower,
    "padded": lambda text: f" {text}\t",
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_another_spelling_of_the_same_values_is_the_same_customer(spelling: str) -> None:
    respelt = TEXTS.copy()
    for name in [*PROBLEM.columns, LABEL]:
        respelt[name] = [SPELLINGS[spelling](text) for text in TEXTS[name]]
    respelt.columns = pd.Index([name.upper().replace("_", " ") for name in COLUMNS])
    pd.testing.assert_frame_equal(
        apply_contract(respelt, PROBLEM).accepted, apply_contract(TEXTS, PROBLEM).accepted
    )


def as_objects(frame: pd.DataFrame) -> pd.DataFrame:
    days = [day.date() for day in frame[DAY]]
    return frame.astype("object").where(frame.notna(), None).assign(**{DAY: pd.Series(days, dtype="object")})


def as_categories(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype(dict.fromkeys(PROBLEM.columns, "category"))


def as_integers(frame: pd.DataFrame) -> pd.DataFrame:
    flags = [name for name, column in PROBLEM.columns.items() if column.kind == "flag"]
    return frame.astype({LABEL: "Int64", "tenure": "int16"} | dict.fromkeys(flags, "int64"))


def as_floats(frame: pd.DataFrame) -> pd.DataFrame:
    flags = [name for name, column in PROBLEM.columns.items() if column.kind == "flag"]
    return frame.astype({LABEL: "Float64", "monthly_charges": "Float64"} | dict.fromkeys(flags, "float32"))


def as_parquet(frame: pd.DataFrame) -> pd.DataFrame:
    table = pa.Table.from_pandas(frame, arrow_schema(PROBLEM), preserve_index=False)
    read: pd.DataFrame = table.to_pandas()
    return read


def as_moments(zone: str, frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(**{DAY: frame[DAY].dt.tz_localize(zone)})


TYPED: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "canonical": lambda frame: frame,
    "python objects": as_objects,
    "categories": as_categories,
    "integers": as_integers,
    "floats": as_floats,
    "parquet": as_parquet,
    "nullable": lambda frame: frame.convert_dtypes(),
    "pyarrow": lambda frame: frame.convert_dtypes(dtype_backend="pyarrow"),
    "moments in UTC": lambda frame: as_moments("UTC", frame),
    "moments in Berlin": lambda frame: as_moments("Europe/Berlin", frame),
    "moments in New York": lambda frame: as_moments("America/New_York", frame),
    "text again": lambda frame: frame.astype(str),
}


@pytest.mark.parametrize("form", TYPED)
def test_typed_columns_are_read_like_texts(form: str) -> None:
    canonical = apply_contract(TEXTS, PROBLEM).accepted
    outcome = apply_contract(TYPED[form](canonical), PROBLEM)
    assert outcome.rejected.empty
    pd.testing.assert_frame_equal(outcome.accepted, canonical)


def test_accepted_rows_are_accepted_again_with_nothing_to_coerce() -> None:
    once = apply_contract(TEXTS, PROBLEM)
    again = apply_contract(once.accepted, PROBLEM)
    pd.testing.assert_frame_equal(again.accepted, once.accepted)
    assert again.coerced == {}
    assert once.coerced != {}


@pytest.mark.parametrize("dated", [True, False])
def test_an_exact_copy_goes_and_the_first_stays(dated: bool) -> None:
    frame = customers({}, {"customerID": "A"}, {}, {"customerID": "A"}, {"customerID": " A", "tenure": "1.0"})
    outcome = examine(frame if dated else frame.drop(columns=DAY), PROBLEM)
    assert reasons(outcome) == {3: f"{KEY}: {TWICE}", 4: f"{KEY}: {TWICE}"}
    assert outcome.accepted.index.tolist() == [0, 1, 2]


@pytest.mark.parametrize("dated", [True, False])
def test_copies_that_disagree_all_go_since_nobody_knows_which_is_right(dated: bool) -> None:
    ours: dict[str, object] = {"customerID": "A"}
    frame = customers(ours, {}, ours | {"tenure": "2"}, ours, ours | {"Churn": ""})
    outcome = examine(frame if dated else frame.drop(columns=DAY), PROBLEM)
    assert sorted(reasons(outcome)) == [0, 2, 3, 4]
    assert all(TWICE in said for said in reasons(outcome).values())
    assert outcome.accepted[KEY].tolist() == ["C-1"]


def test_a_customer_may_stand_in_every_snapshot_once() -> None:
    frame = customers(*({"customerID": "A", DAY: f"2024-0{month}-28"} for month in (1, 2, 3)))
    assert len(examine(frame, PROBLEM).accepted) == 3


def test_customers_without_a_key_are_not_copies_of_each_other() -> None:
    frame = customers({"customerID": ""}, {"customerID": None}, {"customerID": ""})
    assert set(reasons(examine(frame, PROBLEM)).values()) == {f"{KEY}: missing"}


def test_a_file_without_dates_is_one_undated_snapshot() -> None:
    frame = customers({}, {"Churn": "Yes"})
    for undated in (frame.drop(columns=DAY), frame.assign(**{DAY: ""}), frame.assign(**{DAY: None})):
        outcome = apply_contract(undated, PROBLEM)
        assert len(outcome.accepted) == 2
        assert outcome.accepted[DAY].isna().all()
        assert outcome.accepted[DAY].dtype == "datetime64[ms]"


def test_a_row_without_a_date_among_dated_ones_is_refused() -> None:
    outcome = examine(customers({}, {DAY: ""}), PROBLEM)
    assert reasons(outcome) == {1: f"{DAY}: missing"}


@pytest.mark.parametrize("blank", ["", None, "n/a"])
def test_a_frame_without_labels_is_fine(blank: str | None) -> None:
    frame = customers({}, {}).assign(Churn=blank)
    for unlabelled in (frame, frame.drop(columns="Churn")):
        outcome = apply_contract(unlabelled, PROBLEM)
        assert len(outcome.accepted) == 2
        assert outcome.accepted[LABEL].isna().all()
        assert outcome.accepted[LABEL].dtype == "boolean"


def stopped(frame: pd.DataFrame, problem: Problem = PROBLEM) -> str:
    with pytest.raises(DataError) as caught:
        apply_contract(frame, problem)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert len(message) <= 200
    return message


def test_a_missing_column_stops_the_frame_and_is_named() -> None:
    message = stopped(customers({}).drop(columns=["tenure", "customerID"]))
    assert message.startswith("missing column customer_id, tenure; found snapshot_date, gender")


def test_a_file_with_one_column_stops_with_the_header_it_has() -> None:
    message = stopped(pd.DataFrame({"customerID;gender;tenure": ["7590;Female;1"]}))
    assert message.startswith("missing column customer_id, gender")
    assert message.endswith("; found customer_id_gender_tenure")


def test_a_header_with_a_line_break_still_gives_one_line() -> None:
    assert "shoe_size" in stopped(pd.DataFrame({"shoe\nsize": ["43"]}))


def test_two_headers_of_one_name_stop_the_frame() -> None:
    message = stopped(customers({}, {"Churn": "Yes"}).assign(Tenure="5"))
    assert message == "column tenure stands twice in the header; keep one"


def test_two_headers_of_a_name_nobody_asked_for_do_not() -> None:
    frame = customers({}, {"Churn": "Yes"}, {"tenure": "soon"}, *({} for _ in range(20)))
    outcome = apply_contract(frame.assign(**{"Shoe size": "43", "shoe_size": "44"}), PROBLEM)
    assert outcome.ignored == ("shoe_size", "shoe_size")
    assert len(outcome.rejected) == 1


def test_a_frame_without_rows_stops() -> None:
    assert stopped(customers({}).head(0)).startswith("no rows; ")


@pytest.mark.parametrize(("word", "count"), [("Yes", 3), ("No", 3)])
def test_a_label_of_one_class_stops_the_frame(word: str, count: int) -> None:
    message = stopped(customers(*({"Churn": word} for _ in range(count))))
    assert message == f"all {count} known labels are {word}; both classes are needed"


def test_one_label_of_the_other_class_is_enough() -> None:
    assert len(apply_contract(customers({}, {}, {"Churn": "Yes"}), PROBLEM).accepted) == 3


def test_rows_beyond_the_limit_that_break_a_rule_stop_the_frame() -> None:
    assert PROBLEM.limits.quarantined_share == 0.10
    outcome = apply_contract(changed(100, 10, tenure="soon"), PROBLEM)
    assert (len(outcome.accepted), len(outcome.rejected)) == (90, 10)
    message = stopped(changed(100, 11, tenure="soon"))
    assert message.startswith("11 of 100 rows break the contract (limit 10%), most often tenure: 'soon'")
    assert message.endswith("; nothing was taken")


def test_copies_beyond_the_limit_stop_the_frame() -> None:
    assert PROBLEM.limits.duplicate_share == 0.01
    frame = changed(198, 0)
    two = pd.concat([frame, frame.head(2)])
    assert len(apply_contract(two, PROBLEM).rejected) == 2
    three = pd.concat([frame.head(197), frame.head(3)])
    assert stopped(three).startswith(f"3 of 200 rows are duplicates (limit 1%), most often {KEY}: {TWICE}")


def test_every_row_broken_stops_the_frame() -> None:
    assert stopped(changed(4, 4, Contract="=1+1")).startswith("4 of 4 rows break the contract")


def test_rows_that_break_every_rule_stop_the_frame_in_one_short_line() -> None:
    columns = [name for name in CUSTOMER if name not in {"customerID", "Churn"}]
    broken = changed(4, 4, **dict.fromkeys(columns, "\N{PILE OF POO}\r\n" * 40))
    assert stopped(broken).startswith(
        "4 of 4 rows break the contract (limit 10%), most often snapshot_date: "
    )


def test_examine_leaves_the_whole_to_its_caller() -> None:
    outcome = examine(changed(4, 4, tenure="soon"), PROBLEM)
    assert len(outcome.rejected) == 4
    with pytest.raises(DataError, match="4 of 40 rows break") as caught:
        check_limits(outcome.rejected, 39 + 1, Problem.model_validate(_tight(PROBLEM)))
    assert "limit 5%" in str(caught.value)
    check_limits(outcome.rejected, 40, PROBLEM)
    check_limits(outcome.rejected.head(0), 0, PROBLEM)


def _tight(problem: Problem) -> dict[str, Any]:
    return {**problem.model_dump(), "limits": {"quarantined_share": 0.05, "duplicate_share": 0.05}}


def loans(**columns: object) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "LoanNumber": [1, 2],
            "Purpose": [1, 2],
            "Secured": [True, None],
            "Rate": [-1.5, 9.0],
            "Status": [1, 2],
        }
        | columns
    )


def test_another_industry_needs_another_problem_and_no_new_code() -> None:
    frame = apply_contract(loans(), BANK).accepted
    assert frame["loan_number"].tolist() == ["1", "2"]
    assert frame["purpose"].tolist() == ["1", "2"]
    assert frame["secured"].isna().tolist() == [False, True]
    assert frame["status"].tolist() == [False, True]


def test_an_integer_coded_label_may_have_gaps() -> None:
    frame = loans(Status=[2.0, None])
    wide = pd.concat([frame, loans(LoanNumber=[3, 4], Status=[1.0, 2.0])])
    assert apply_contract(wide, BANK).accepted["status"].tolist() == [True, pd.NA, False, True]


@pytest.mark.parametrize("code", [0, "0", "yes", "true", "No"])
def test_a_label_is_written_with_its_own_two_words_where_these_are_codes(code: object) -> None:
    said = reasons(examine(loans(Status=[1, code]), BANK))
    assert said == {1: f"status: {str(code)!r} cannot be read as 2 or 1"}


def test_a_label_word_that_looks_like_a_blank_is_that_word() -> None:
    label = {"column": "status", "positive": "Default", "negative": "None"}
    problem = Problem.model_validate({**BANK.model_dump(), "label": label})
    frame = apply_contract(loans(Status=["Default", "None"]), problem).accepted
    assert frame["status"].tolist() == [True, False]


def test_a_label_whose_positive_word_is_no_means_just_that() -> None:
    label = {"column": "status", "positive": "No", "negative": "Yes"}
    problem = Problem.model_validate({**BANK.model_dump(), "label": label})
    assert apply_contract(loans(Status=["yes", "NO"]), problem).accepted["status"].tolist() == [False, True]


def test_a_declared_value_that_looks_like_a_blank_is_that_value() -> None:
    frame = apply_contract(loans(Purpose=["none", ""]), BANK).accepted
    assert frame["purpose"].tolist()[0] == "None"
    assert pd.isna(frame["purpose"].tolist()[1])


def test_a_moment_is_shown_in_the_rejected_content() -> None:
    frame = loans(Rate=[-2.0, 9.0]).assign(reported_on=datetime(2024, 1, 31, 12, 0))
    content = examine(frame, BANK).rejected["content"].iloc[0]
    assert json.loads(content)["reported_on"].startswith("2024-01-31")
