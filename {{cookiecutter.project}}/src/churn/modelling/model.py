"""What is fitted: stock scikit-learn classes only, so that a stored model needs none of our code."""

from typing import Any

import numpy as np
import pandas as pd
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.pipeline import Pipeline

from churn.config import Config
from churn.errors import DataError
from churn.modelling.features import linear_encoding, tree_encoding


def fit(X: pd.DataFrame, y: np.ndarray, config: Config) -> FixedThresholdClassifier:
    """Fit, calibrate and fix the decision threshold; the same rows and config give the same model.

    ``X`` is a feature frame of shape (n, features), ``y`` holds 0 and 1, shape (n,). Calibration is Platt's
    sigmoid on out-of-fold scores, so no row is set aside. The threshold follows from the costs. Raises
    DataError when a fold would lack a class.
    """
    _check_classes(y, config.model.calibration_folds)
    calibrated = CalibratedClassifierCV(
        _pipeline(config), method="sigmoid", cv=config.model.calibration_folds, ensemble=False
    )
    decided = FixedThresholdClassifier(
        calibrated, threshold=config.problem.costs.threshold, response_method="predict_proba"
    )
    return decided.fit(X, y)


def probabilities(model: FixedThresholdClassifier, X: pd.DataFrame) -> np.ndarray:
    """The probability of leaving, shape (n,), in [0, 1]."""
    scores: np.ndarray = model.predict_proba(X)[:, 1]
    return scores


def parameters(config: Config) -> dict[str, Any]:
    """What distinguishes this fit from another, for the record."""
    chosen = getattr(config.model, config.model.estimator).model_dump()
    return {
        "estimator": config.model.estimator,
        "features": len(config.features),
        "seed": config.model.seed,
        **chosen,
    }


def _check_classes(y: np.ndarray, folds: int) -> None:
    leavers = int(y.sum())
    if min(leavers, len(y) - leavers) < folds:
        raise DataError(
            f"{leavers} leavers and {len(y) - leavers} stayers to learn from; "
            f"calibration_folds = {folds} needs as many of each"
        )


def _pipeline(config: Config) -> Pipeline:
    if config.model.estimator == "logistic":
        linear = LogisticRegression(C=config.model.logistic.C, max_iter=1000, random_state=config.model.seed)
        return Pipeline([("encode", linear_encoding(config)), ("estimate", linear)])
    # Early stopping would set rows aside at random; the number of trees is declared instead.
    trees = HistGradientBoostingClassifier(
        **config.model.boosting.model_dump(), early_stopping=False, random_state=config.model.seed
    )
    return Pipeline([("encode", tree_encoding(config)), ("estimate", trees)])
