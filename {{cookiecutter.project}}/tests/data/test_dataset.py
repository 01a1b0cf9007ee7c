"""Who may teach and who judges follows from rules alone, and the fingerprint sees every cell."""

import hashlib
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from churn.config import load_config
from churn.data.contract import apply_contract
from churn.data.dataset import Split, fingerprint, key_share, mature, split_holdout
from churn.data.sample import sample_customers
from churn.errors import DataError

THOROUGH = settings(max_examples=60, deadline=None, derandomize=True, database=None)
PROBLEM = load_config().problem
KEY, DAY, LABEL = PROBLEM.entity, PROBLEM.snapshot, PROBLEM.label.column
HORIZON = timedelta(days=PROBLEM.horizon_days)
WAIT = HORIZON + timedelta(days=PROBLEM.grace_days)
FIRST = date(2024, 1, 31)
CUSTOMERS = apply_contract(sample_customers(30, months=3), PROBLEM).accepted


def labelled(days: list[date | None], each: int = 2) -> pd.DataFrame:
    """``each`` customers a day, leavers and stayers in turn, under keys of their own."""
    rows = len(days) * each
    return pd.DataFrame(
        {
            KEY: [f"C-{number}" for number in range(rows)],
            DAY: pd.Series(np.repeat(np.array(days, dtype="datetime64[ms]"), each)),
            LABEL: pd.array([number % 2 == 0 for number in range(rows)], dtype="boolean"),
        }
    )


def monthly(count: int) -> list[date | None]:
    return [FIRST + timedelta(days=31 * number) for number in range(count)]


def days_of(frame: pd.DataFrame) -> list[date]:
    return sorted({day.date() for day in frame[DAY]})


def keyed(rows: int) -> pd.DataFrame:
    return labelled([None], each=rows)


def test_a_label_is_mature_from_the_day_its_horizon_and_grace_days_are_over() -> None:
    assert (PROBLEM.horizon_days, PROBLEM.grace_days) == (30, 5)
    customers = labelled([FIRST])
    assert len(mature(customers, PROBLEM, FIRST + WAIT)) == 2
    assert len(mature(customers, PROBLEM, FIRST + WAIT - timedelta(days=1))) == 0
    assert len(mature(customers, PROBLEM, FIRST + WAIT + timedelta(days=1))) == 2


def test_maturity_follows_the_declared_days() -> None:
    patient = load_config(["problem.horizon_days=90", "problem.grace_days=0"]).problem
    customers = labelled([FIRST])
    assert len(mature(customers, patient, FIRST + timedelta(days=89))) == 0
    assert len(mature(customers, patient, FIRST + timedelta(days=90))) == 2


def test_of_several_snapshots_only_the_old_enough_are_mature() -> None:
    known = mature(labelled(monthly(4)), PROBLEM, FIRST + timedelta(days=31) + WAIT)
    assert days_of(known) == monthly(4)[:2]


@pytest.mark.parametrize("day", [FIRST, None])
def test_a_row_without_a_label_is_never_mature(day: date | None) -> None:
    customers = labelled([day], each=4)
    customers.loc[1:2, LABEL] = pd.NA
    assert mature(customers, PROBLEM, date(2030, 1, 1))[KEY].tolist() == ["C-0", "C-3"]


def test_a_row_without_a_date_is_mature_when_it_carries_a_label() -> None:
    assert len(mature(labelled([None]), PROBLEM, date(1999, 1, 1))) == 2


@pytest.mark.parametrize("days", [monthly(3), [None]])
def test_mature_rows_come_in_one_order_however_they_were_stored(days: list[date | None]) -> None:
    customers = labelled(days, each=12)
    shuffled = customers.sample(frac=1.0, random_state=3)
    before = shuffled.copy(deep=True)
    known = mature(shuffled, PROBLEM, date(2030, 1, 1))
    pd.testing.assert_frame_equal(known, mature(customers, PROBLEM, date(2030, 1, 1)))
    pd.testing.assert_frame_equal(shuffled, before)
    assert known.index.tolist() == list(range(len(customers)))
    assert known[[DAY, KEY]].equals(known[[DAY, KEY]].sort_values([DAY, KEY]))


def test_the_newest_snapshots_judge() -> None:
    split = split_holdout(labelled(monthly(10)), PROBLEM, share=0.2)
    assert days_of(split.holdout) == monthly(10)[8:]
    assert days_of(split.training) == monthly(10)[:8]
    assert split.rule == f"snapshot_date >= {monthly(10)[8]}"


def test_training_ends_a_full_horizon_before_the_first_day_that_judges() -> None:
    start = FIRST + 10 * HORIZON
    one_day_short, just_enough = start - HORIZON + timedelta(days=1), start - HORIZON
    split = split_holdout(labelled([FIRST, just_enough, one_day_short, start]), PROBLEM, share=0.25)
    assert days_of(split.holdout) == [start]
    assert days_of(split.training) == [FIRST, just_enough]


@settings(THOROUGH, max_examples=60)
@given(
    gaps=st.lists(st.integers(1, 70), min_size=1, max_size=15),
    counts=st.lists(st.integers(1, 6), min_size=16, max_size=16),
    share=st.sampled_from([0.05, 0.1, 0.2, 0.25, 0.3, 0.5, 0.7, 0.9]),
)
def test_any_run_of_snapshots_is_parted_by_the_same_rules(
    gaps: list[int], counts: list[int], share: float
) -> None:
    days = [FIRST + timedelta(days=sum(gaps[:number])) for number in range(len(gaps) + 1)]
    held = {day: 2 * count for day, count in zip(days, counts, strict=False)}
    customers = pd.concat([labelled([day], each=rows) for day, rows in held.items()], ignore_index=True)
    wanted = Fraction(str(share)) * len(customers)
    start = max(day for day in days if sum(held[later] for later in days if later >= day) >= wanted)
    taught = [day for day in days if day + HORIZON <= start]
    assume(taught)
    split = split_holdout(customers, PROBLEM, share)
    assert days_of(split.holdout) == [day for day in days if day >= start]
    assert days_of(split.training) == taught
    assert len(split.holdout) >= wanted


@pytest.mark.parametrize(
    ("months", "share", "held"),
    [(10, 0.2, 2), (15, 0.2, 3), (30, 0.2, 6), (40, 0.2, 8), (60, 0.2, 12), (10, 0.8, 8), (12, 0.5, 6)],
)
def test_equal_months_that_hold_exactly_the_share_are_enough(months: int, share: float, held: int) -> None:
    split = split_holdout(labelled(monthly(months)), PROBLEM, share)
    assert len(days_of(split.holdout)) == held


def test_neither_part_of_a_split_changes_its_rows() -> None:
    customers = labelled(monthly(5))
    before = customers.copy(deep=True)
    split = split_holdout(customers, PROBLEM, share=0.2)
    pd.testing.assert_frame_equal(customers, before)
    pd.testing.assert_frame_equal(pd.concat([split.training, split.holdout]), customers)


def test_a_key_falls_where_the_first_digits_of_its_hash_say() -> None:
    keys = ["7590-VHVEG", "", "C-1", "\N{SNOWMAN}", "x" * 1000]
    expected = [int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big") / 2**32 for key in keys]
    assert key_share(pd.Series(keys)).tolist() == expected
    # The same, computed once by: printf C-1 | sha256sum.
    assert key_share(pd.Series(["C-1"]))[0] == 0x07E9A969 / 16**8


@pytest.mark.parametrize("day", [None, FIRST])
def test_one_snapshot_is_parted_by_the_hash_of_the_key(day: date | None) -> None:
    customers = labelled([day], each=200)
    split = split_holdout(customers, PROBLEM, share=0.3)
    held = key_share(customers[KEY]) < 0.3
    assert split.holdout[KEY].tolist() == customers.loc[held, KEY].tolist()
    assert split.training[KEY].tolist() == customers.loc[~held, KEY].tolist()
    assert split.rule == "sha256(customer_id) < 0.3"


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5, 0.9])
def test_the_hash_holds_out_about_the_share_that_was_asked_for(share: float) -> None:
    held = len(split_holdout(keyed(10_000), PROBLEM, share).holdout)
    # Four standard deviations of a binomial count.
    assert abs(held - 10_000 * share) < 4 * np.sqrt(10_000 * share * (1 - share))


def test_customers_that_join_move_nobody_to_the_other_side() -> None:
    before, after = (split_holdout(keyed(rows), PROBLEM, share=0.2) for rows in (500, 800))
    assert set(before.holdout[KEY]) < set(after.holdout[KEY])
    assert set(before.training[KEY]) < set(after.training[KEY])


def test_a_customer_falls_on_the_same_side_in_every_order() -> None:
    customers = keyed(300)
    split = split_holdout(customers, PROBLEM, share=0.2)
    shuffled = split_holdout(customers.sample(frac=1.0, random_state=5), PROBLEM, share=0.2)
    assert set(split.holdout[KEY]) == set(shuffled.holdout[KEY])


def test_a_larger_share_holds_out_the_same_customers_and_more() -> None:
    small, large = (split_holdout(keyed(500), PROBLEM, share) for share in (0.2, 0.4))
    assert set(small.holdout[KEY]) < set(large.holdout[KEY])


def refusal(customers: pd.DataFrame, share: float = 0.2) -> str:
    with pytest.raises(DataError) as caught:
        split_holdout(customers, PROBLEM, share)
    return str(caught.value)


def test_without_a_mature_row_there_is_nothing_to_part() -> None:
    message = refusal(labelled(monthly(3)).head(0))
    assert "no labelled customer is mature yet" in message
    assert "35 days" in message


def test_a_horizon_that_swallows_all_training_is_an_error() -> None:
    near = labelled([FIRST, FIRST + HORIZON - timedelta(days=1)])
    assert refusal(near).startswith("the training rows (0 by snapshot_date >= 2024-02-29) lack a class")
    far = labelled([FIRST, FIRST + HORIZON])
    assert isinstance(split_holdout(far, PROBLEM, share=0.2), Split)


@pytest.mark.parametrize("part", ["training", "holdout"])
@pytest.mark.parametrize("leaves", [True, False])
def test_a_part_that_knows_one_class_is_an_error_that_names_it(part: str, leaves: bool) -> None:
    customers = labelled(monthly(10))
    rows = slice(0, 15) if part == "training" else slice(16, 19)
    customers.loc[rows, LABEL] = leaves
    assert refusal(customers).startswith(f"the {part} rows (")


def test_too_few_customers_for_a_hash_split_is_an_error() -> None:
    assert "lack a class" in refusal(keyed(2), share=0.01)


def with_cell(row: int, name: str, value: Any) -> pd.DataFrame:
    """The customers with one cell changed."""
    column = CUSTOMERS[name].copy()
    column.iloc[row] = value
    return CUSTOMERS.assign(**{name: column})


def another(value: Any, name: str, pick: int) -> Any:
    """A value that the cell could hold as well."""
    if name in PROBLEM.columns and PROBLEM.columns[name].kind == "number":
        return 3.0 if pd.isna(value) else [np.nextafter(value, np.inf), -value - 1, np.nan][pick % 3]
    if isinstance(value, pd.Timestamp):
        return value + pd.Timedelta(days=1 + pick)
    if isinstance(value, str):
        return [f"{value} ", value.swapcase() + "x", None][pick % 3]
    return True if pd.isna(value) else [not value, pd.NA][pick % 2]


@THOROUGH
@given(row=st.integers(0, 29), name=st.sampled_from(list(CUSTOMERS.columns)), pick=st.integers(0, 5))
def test_a_fingerprint_changes_with_any_cell(row: int, name: str, pick: int) -> None:
    value = CUSTOMERS[name].iloc[row]
    changed = with_cell(row, name, another(value, name, pick))
    assert fingerprint(changed) != fingerprint(CUSTOMERS)
    assert fingerprint(with_cell(row, name, value)) == fingerprint(CUSTOMERS)


@settings(THOROUGH, max_examples=20)
@given(order=st.permutations(range(30)))
def test_a_fingerprint_does_not_see_the_order_or_index_of_rows(order: list[int]) -> None:
    assert fingerprint(CUSTOMERS.iloc[order]) == fingerprint(CUSTOMERS)
    assert fingerprint(CUSTOMERS.iloc[order].set_axis([7] * 30)) == fingerprint(CUSTOMERS)


@pytest.mark.parametrize("name", CUSTOMERS.columns)
def test_a_fingerprint_changes_with_any_column_name(name: str) -> None:
    assert fingerprint(CUSTOMERS.rename(columns={name: f"{name}_2"})) != fingerprint(CUSTOMERS)


@pytest.mark.parametrize("name", CUSTOMERS.columns)
def test_a_fingerprint_changes_with_a_column_less(name: str) -> None:
    assert fingerprint(CUSTOMERS.drop(columns=name)) != fingerprint(CUSTOMERS)


def test_a_fingerprint_counts_how_often_a_row_stands() -> None:
    once, twice = CUSTOMERS.head(1), pd.concat([CUSTOMERS.head(1)] * 2)
    frames = [CUSTOMERS.head(0), once, twice, pd.concat([twice, once]), CUSTOMERS.head(2), CUSTOMERS]
    assert len({fingerprint(frame) for frame in frames}) == len(frames)
    assert fingerprint(pd.concat([CUSTOMERS.head(2), once])) != fingerprint(
        pd.concat([CUSTOMERS.head(2), CUSTOMERS.iloc[[1]]])
    )


def test_a_fingerprint_sees_two_cells_change_places() -> None:
    frame = pd.DataFrame({"a": ["x", "y"], "b": ["1", "2"]})
    assert fingerprint(frame) != fingerprint(frame.assign(b=["2", "1"]))
    assert fingerprint(frame) != fingerprint(frame.rename(columns={"a": "b", "b": "a"}))


def test_a_fingerprint_keeps_missing_apart_from_what_looks_like_it() -> None:
    texts = pd.DataFrame({"a": [None, "x"]})
    assert fingerprint(texts) != fingerprint(texts.assign(a=["nan", "x"]))
    assert fingerprint(texts) != fingerprint(texts.assign(a=["None", "x"]))
    numbers = pd.DataFrame({"a": [np.nan, 1.0]})
    assert fingerprint(numbers) != fingerprint(numbers.fillna(0.0))
    flags = pd.DataFrame({"a": pd.array([None, True], dtype="boolean")})
    assert fingerprint(flags) != fingerprint(flags.fillna(False))


@pytest.mark.parametrize(
    ("dtype", "columns"),
    [
        ("str", ["contract", KEY]),
        ("string", ["contract", KEY]),
        ("string[pyarrow]", ["contract", KEY]),
        ("category", ["contract", KEY]),
        ("Float64", ["tenure", "total_charges"]),
        ("double[pyarrow]", ["tenure", "total_charges"]),
        ("Int64", ["tenure"]),
        ("object", ["partner", LABEL, "contract"]),
        ("bool[pyarrow]", ["partner"]),
        ("bool", ["partner"]),
        ("datetime64[ns]", [DAY]),
        ("datetime64[s]", [DAY]),
    ],
)
def test_a_fingerprint_does_not_see_how_values_are_held(dtype: str, columns: list[str]) -> None:
    frame = CUSTOMERS.assign(total_charges=CUSTOMERS["total_charges"].mask(CUSTOMERS.index < 3))
    held = frame.astype(dict.fromkeys(columns, dtype))
    assert fingerprint(held) == fingerprint(frame)


def test_missing_values_of_every_form_have_one_fingerprint() -> None:
    frames = [
        pd.DataFrame({"a": pd.Series([gap, "x"], dtype="object")}) for gap in (None, np.nan, pd.NA, pd.NaT)
    ]
    assert len({fingerprint(frame) for frame in frames}) == 1


def test_undated_rows_have_a_fingerprint() -> None:
    undated = CUSTOMERS.assign(**{DAY: pd.Series(pd.NaT, index=CUSTOMERS.index, dtype="datetime64[ms]")})
    assert fingerprint(undated) == fingerprint(undated.iloc[::-1])
    assert fingerprint(undated) != fingerprint(CUSTOMERS)


def test_the_fingerprint_of_the_sample_is_the_same_under_every_pandas() -> None:
    before = fingerprint(apply_contract(sample_customers(300), PROBLEM).accepted)
    assert before == "f24098adbdddd59950f8c061fb8151efa612737ec68da7ec2a09974ca7848ea3"


def test_a_fingerprint_leaves_its_frame_alone() -> None:
    before = CUSTOMERS.copy(deep=True)
    fingerprint(CUSTOMERS)
    pd.testing.assert_frame_equal(CUSTOMERS, before)
