"""How much of the label each single column gives away."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from churn.config import Problem
from churn.modelling import metrics
from churn.modelling.features import label_array

BINS = 20  # enough to follow any shape, few enough to hold rows


def strongest_feature(
    training: pd.DataFrame, holdout: pd.DataFrame, features: Sequence[str], problem: Problem
) -> tuple[str, float]:
    """The feature that predicts the label best alone, and its AUC on the holdout, in [0, 1]."""
    strengths = feature_strengths(training, holdout, features, problem)
    strongest = max(strengths, key=lambda name: np.nan_to_num(strengths[name], nan=np.inf))
    return strongest, strengths[strongest]


def feature_strengths(
    training: pd.DataFrame, holdout: pd.DataFrame, features: Sequence[str], problem: Problem
) -> dict[str, float]:
    """The AUC that each feature reaches alone on the holdout, in [0, 1]; NaN where it cannot be computed.

    Each column is cut into groups (missing values are one), each group gets its training share of leavers,
    and holdout rows are ranked by that share: any shape is seen, and no column can overfit.
    """
    labels, known = label_array(holdout, problem), label_array(training, problem)
    strengths = {}
    for name in features:
        group, judged = _groups(training[name], holdout[name], problem.columns[name].kind)
        share = pd.Series(known).groupby(group).mean()
        ranked = pd.Series(judged).map(share).fillna(known.mean()).to_numpy()
        strengths[name] = metrics.auc(labels, ranked).value
    return strengths


def _groups(training: pd.Series, holdout: pd.Series, kind: str) -> tuple[np.ndarray, np.ndarray]:
    if kind != "number":
        return training.astype(str).to_numpy(), holdout.astype(str).to_numpy()
    known = training.to_numpy(dtype="float64")
    known = known[~np.isnan(known)]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1])) if len(known) else known
    return _bin(training, edges), _bin(holdout, edges)


def _bin(values: pd.Series, edges: np.ndarray) -> np.ndarray:
    numbers = values.to_numpy(dtype="float64")
    return np.where(np.isnan(numbers), -1, np.searchsorted(edges, numbers, side="right"))
