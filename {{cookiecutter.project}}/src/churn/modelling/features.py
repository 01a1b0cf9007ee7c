"""From canonical columns to what an estimator reads, with every encoding inside the fitted pipeline."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from churn.config import Config, Problem


def feature_frame(customers: pd.DataFrame, features: Sequence[str], problem: Problem) -> pd.DataFrame:
    """A model's input: shape (n, features), numbers and flags as float64, categories as text.

    Missing values are NaN, also among texts. Training, gates and scoring all build it here, each for the
    features that the model at hand was fitted on.
    """
    kinds = {name: problem.columns[name].kind for name in features}
    return pd.DataFrame(
        {name: _values(customers[name], kind) for name, kind in kinds.items()}, index=customers.index
    )


def label_array(customers: pd.DataFrame, problem: Problem) -> np.ndarray:
    """Labels as 0 and 1, shape (n,); every row must carry one."""
    return customers[problem.label.column].astype("int64").to_numpy()


def tree_encoding(config: Config) -> ColumnTransformer:
    """Categories as their place among the declared values, or -1; numbers as they are, gaps filled."""
    numbers, categories, declared = _kinds(config)
    ordinal = OrdinalEncoder(categories=declared, handle_unknown="use_encoded_value", unknown_value=-1)
    return ColumnTransformer([("category", ordinal, categories), ("number", _filled(), numbers)])


def linear_encoding(config: Config) -> ColumnTransformer:
    """Categories one-hot, an undeclared one as none of them; numbers standardised, gaps filled."""
    numbers, categories, declared = _kinds(config)
    onehot = OneHotEncoder(categories=declared, handle_unknown="ignore", sparse_output=False)
    scaled = make_pipeline(_filled(), StandardScaler())
    return ColumnTransformer([("category", onehot, categories), ("number", scaled, numbers)])


def _filled() -> SimpleImputer:
    # A missing number is the median and says that it was missing. A column that is empty in a fold stays:
    # boosting cannot bin a column without any value.
    return SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)


def _values(column: pd.Series, kind: str) -> pd.Series:
    if kind == "category":
        return column.astype("object").where(column.notna(), np.nan)
    return (
        column.astype("Float64").astype("float64") if column.dtype == "boolean" else column.astype("float64")
    )


def _kinds(config: Config) -> tuple[list[str], list[str], list[list[str]]]:
    columns = config.problem.columns
    categories = [name for name in config.features if columns[name].kind == "category"]
    numbers = [name for name in config.features if columns[name].kind != "category"]
    return numbers, categories, [list(columns[name].values) for name in categories]
