"""How is it predicted? The types of model.toml."""

from typing import Annotated, Literal

from pydantic import Field

from churn.config.section import Count, Names, Section


class Boosting(Section):
    """Parameters of scikit-learn's HistGradientBoostingClassifier, under its own names."""

    learning_rate: Annotated[float, Field(gt=0, le=1)]
    max_iter: Count
    max_leaf_nodes: Annotated[int, Field(ge=2)]
    min_samples_leaf: Count
    l2_regularization: Annotated[float, Field(ge=0)]
    max_features: Annotated[float, Field(gt=0, le=1)]


class Logistic(Section):
    """Parameters of scikit-learn's LogisticRegression, under its own names."""

    C: Annotated[float, Field(gt=0)]


class Model(Section):
    """How it is predicted: model.toml."""

    estimator: Literal["boosting", "logistic"]
    features: Names
    excluded: Names
    seed: Annotated[int, Field(ge=0, lt=2**32)]
    calibration_folds: Annotated[int, Field(ge=2, le=20)]
    boosting: Boosting
    logistic: Logistic
