"""An estimator reads the declared columns in their order; what was never declared counts as missing."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from churn.config import load_config
from churn.data.contract import apply_contract
from churn.data.sample import sample_customers
from churn.modelling.features import feature_frame, label_array, linear_encoding, tree_encoding

CONFIG = load_config()
PROBLEM = CONFIG.problem
CUSTOMERS = apply_contract(sample_customers(60, months=3), PROBLEM).accepted
FEATURES = feature_frame(CUSTOMERS, CONFIG.features, PROBLEM)
CATEGORIES = [name for name in CONFIG.features if PROBLEM.columns[name].kind == "category"]
NUMBERS = [name for name in CONFIG.features if PROBLEM.columns[name].kind != "category"]


def with_cell(frame: pd.DataFrame, name: str, value: Any) -> pd.DataFrame:
    """The frame with one value in its first row."""
    column = frame[name].copy()
    column.iloc[0] = value
    return frame.assign(**{name: column})


def test_numbers_and_flags_are_floats_and_categories_texts() -> None:
    assert NUMBERS
    assert CATEGORIES
    assert {str(FEATURES[name].dtype) for name in NUMBERS} == {"float64"}
    assert {str(FEATURES[name].dtype) for name in CATEGORIES} == {"object"}
    assert set(FEATURES["senior_citizen"]) == {0.0, 1.0}
    assert set(FEATURES["contract"]) == set(PROBLEM.columns["contract"].values)


def test_columns_stand_in_the_order_asked_for_and_rows_keep_their_index() -> None:
    customers = CUSTOMERS.iloc[::-1]
    frame = feature_frame(customers, ["tenure", "contract", "partner"], PROBLEM)
    assert list(frame.columns) == ["tenure", "contract", "partner"]
    assert frame.index.tolist() == customers.index.tolist()
    assert frame["tenure"].tolist() == customers["tenure"].tolist()


def test_key_date_label_and_excluded_columns_are_no_features() -> None:
    assert set(CUSTOMERS.columns) - set(FEATURES.columns) == {
        PROBLEM.entity,
        PROBLEM.snapshot,
        PROBLEM.label.column,
        "gender",
    }


@pytest.mark.parametrize(
    ("name", "gap"),
    [("tenure", np.nan), ("partner", pd.NA), ("contract", None), ("contract", np.nan), ("contract", pd.NA)],
)
def test_what_is_missing_is_nan_in_every_kind_of_column(name: str, gap: object) -> None:
    value = feature_frame(with_cell(CUSTOMERS, name, gap), CONFIG.features, PROBLEM)[name].iloc[0]
    assert isinstance(value, float)
    assert np.isnan(value)


@pytest.mark.parametrize("dtype", ["string", "category", "str"])
def test_a_category_of_any_text_type_gives_the_same_features(dtype: Any) -> None:
    retyped = CUSTOMERS.astype(dict.fromkeys(CATEGORIES, dtype))
    pd.testing.assert_frame_equal(feature_frame(retyped, CONFIG.features, PROBLEM), FEATURES)


@pytest.mark.parametrize("dtype", ["bool", "boolean", "float64", "int64"])
def test_a_flag_of_any_type_gives_the_same_features(dtype: Any) -> None:
    retyped = CUSTOMERS.astype({"partner": dtype, "tenure": "float32"})
    pd.testing.assert_frame_equal(feature_frame(retyped, CONFIG.features, PROBLEM), FEATURES)


def test_building_features_leaves_the_customers_alone() -> None:
    before = CUSTOMERS.copy(deep=True)
    frame = feature_frame(CUSTOMERS, CONFIG.features, PROBLEM)
    frame.loc[:, "tenure"] = -1.0
    pd.testing.assert_frame_equal(CUSTOMERS, before)


def test_labels_are_zeros_and_ones() -> None:
    known = CUSTOMERS[CUSTOMERS["churn"].notna()]
    labels = label_array(known, PROBLEM)
    assert labels.dtype == "int64"
    assert labels.tolist() == [int(value) for value in known["churn"]]
    assert set(labels) == {0, 1}


def test_a_row_without_a_label_has_no_label_array() -> None:
    assert CUSTOMERS["churn"].isna().any()
    with pytest.raises(ValueError, match="NA"):
        label_array(CUSTOMERS, PROBLEM)


def test_a_tree_reads_a_category_as_its_place_among_the_declared_values() -> None:
    encoded = tree_encoding(CONFIG).fit(FEATURES).transform(FEATURES)
    assert encoded.shape == FEATURES.shape
    place = PROBLEM.columns["contract"].values.index
    assert encoded[:, CATEGORIES.index("contract")].tolist() == [
        place(value) for value in FEATURES["contract"]
    ]
    assert encoded[:, len(CATEGORIES) + NUMBERS.index("tenure")].tolist() == FEATURES["tenure"].tolist()


def test_the_place_of_a_category_does_not_depend_on_the_rows_that_were_seen() -> None:
    monthly = FEATURES[FEATURES["contract"] == "Two year"]
    assert 0 < len(monthly) < len(FEATURES)
    seen_few, seen_all = tree_encoding(CONFIG).fit(monthly), tree_encoding(CONFIG).fit(FEATURES)
    np.testing.assert_array_equal(seen_few.transform(FEATURES), seen_all.transform(FEATURES))


@pytest.mark.parametrize("encoding", [tree_encoding, linear_encoding])
def test_a_value_never_declared_is_encoded_like_a_missing_one(encoding: Any) -> None:
    fitted = encoding(CONFIG).fit(FEATURES)
    known = fitted.transform(FEATURES)
    missing = fitted.transform(with_cell(FEATURES, "contract", np.nan))
    undeclared = fitted.transform(with_cell(FEATURES, "contract", "Three year"))
    np.testing.assert_array_equal(undeclared, missing)
    assert not np.array_equal(known[0], missing[0], equal_nan=True)


@pytest.mark.parametrize("encoding", [tree_encoding, linear_encoding])
def test_missing_values_may_stand_in_the_rows_that_are_fitted(encoding: Any) -> None:
    gaps = FEATURES.mask(np.arange(len(FEATURES))[:, None] % 7 == np.arange(FEATURES.shape[1]) % 7)
    assert gaps.isna().any().all()
    assert encoding(CONFIG).fit(gaps).transform(FEATURES).shape[0] == len(FEATURES)


def test_a_linear_model_reads_numbers_without_scale_and_categories_one_by_one() -> None:
    encoded = linear_encoding(CONFIG).fit(FEATURES).transform(FEATURES)
    values = sum(len(PROBLEM.columns[name].values) for name in CATEGORIES)
    categories, numbers = encoded[:, :values], encoded[:, values:]
    assert set(np.unique(categories)) == {0.0, 1.0}
    assert (categories.sum(axis=1) == len(CATEGORIES)).all()
    assert np.isfinite(numbers).all()
    np.testing.assert_allclose(numbers.mean(axis=0), 0, atol=1e-9)
    assert set(np.round(numbers.std(axis=0), 6)) <= {0.0, 1.0}


def test_a_missing_number_reads_as_the_median_and_says_that_it_was_missing() -> None:
    gaps = with_cell(FEATURES, "total_charges", np.nan)
    fitted = linear_encoding(CONFIG).fit(gaps)
    median = float(gaps["total_charges"].median())
    missing, middling = fitted.transform(gaps), fitted.transform(with_cell(gaps, "total_charges", median))
    differs = np.flatnonzero(missing[0] != middling[0])
    assert len(differs) == 1
    assert missing[0, differs[0]] > middling[0, differs[0]]


def test_training_and_scoring_rows_are_encoded_alike_one_by_one() -> None:
    for encoding in (tree_encoding, linear_encoding):
        fitted = encoding(CONFIG).fit(FEATURES)
        whole = fitted.transform(FEATURES)
        one_by_one = np.vstack([fitted.transform(FEATURES.iloc[[row]]) for row in range(5)])
        np.testing.assert_array_equal(one_by_one, whole[:5])
