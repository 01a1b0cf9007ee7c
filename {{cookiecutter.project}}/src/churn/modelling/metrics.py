"""How good it is: discrimination, calibration and money, each with its uncertainty.

Everywhere ``y`` holds 0 and 1, ``p`` probabilities, both of shape (n,). Intervals are two-sided 95 % unless
``confidence`` says otherwise.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit
from scipy.stats import norm, rankdata

from churn.config.problem import Costs

Array = np.ndarray


@dataclass(frozen=True)
class Estimate:
    """A value with its interval and standard error."""

    value: float
    low: float
    high: float
    error: float


@dataclass(frozen=True)
class Calibration:
    """Slope and intercept of the logistic recalibration, and mean prediction over observed share."""

    slope: Estimate
    intercept: Estimate
    ratio: Estimate


def auc(y: Array, p: Array, confidence: float = 0.95) -> Estimate:
    """Area under the ROC curve, NaN when a class is missing. Variance: DeLong et al. (1988)."""
    value, leavers, stayers = _placements(y, p)
    error = np.sqrt(_mean_variance(leavers) + _mean_variance(stayers))
    return _normal(value, error, confidence)


def auc_difference(y: Array, p: Array, q: Array, confidence: float = 0.95) -> Estimate:
    """AUC of ``p`` less AUC of ``q`` on the same rows, paired. Variance: DeLong et al. (1988)."""
    first, second = _placements(y, p), _placements(y, q)
    error = np.sqrt(_mean_variance(first[1] - second[1]) + _mean_variance(first[2] - second[2]))
    return _normal(first[0] - second[0], error, confidence)


def brier(y: Array, p: Array) -> float:
    """Mean squared error of the probabilities, in [0, 1]; 0 is perfect."""
    return float(np.mean((p - y) ** 2))


def brier_skill(y: Array, p: Array, confidence: float = 0.95) -> Estimate:
    """One less Brier score over the Brier score of the observed share for everybody; 0 is no skill.

    The standard error is that of the mean paired difference in squared error.
    """
    base = np.mean(y) * (1 - np.mean(y))
    gain = (np.mean(y) - y) ** 2 - (p - y) ** 2
    return _normal(_ratio(np.mean(gain), base), _ratio(np.sqrt(_mean_variance(gain)), base), confidence)


def calibration(y: Array, p: Array, confidence: float = 0.95) -> Calibration:
    """How far probabilities are from what happens.

    Logistic regression of ``y`` on logit(p): slope 1 and intercept 0 are perfect (Cox 1958). The ratio's
    interval takes the observed share as binomial and ``p`` as given.
    """
    design = np.column_stack([np.ones_like(p, dtype=float), logit(np.clip(p, 1e-9, 1 - 1e-9))])
    weights, covariance = _logistic_regression(design, y)
    errors = np.sqrt(np.diag(covariance))
    share = np.mean(y)
    ratio = _ratio(np.mean(p), share)
    spread = ratio * _ratio(np.sqrt(share * (1 - share) / len(y)), share)
    return Calibration(
        slope=_normal(weights[1], errors[1], confidence),
        intercept=_normal(weights[0], errors[0], confidence),
        ratio=_normal(ratio, spread, confidence),
    )


def profit(y: Array, contacted: Array, costs: Costs) -> float:
    """Money per customer against doing nothing, when those ``contacted`` (bool, shape (n,)) get the offer."""
    return float(np.mean(np.where(contacted, np.where(y == 1, costs.gain, -costs.loss), 0.0)))


def lift(y: Array, p: Array, share: float = 0.1) -> float:
    """Leavers among the ``share`` of highest probabilities, over their share among everybody.

    Rows that tie for the last places count in proportion, so that their order does not matter.
    """
    places = max(1, round(share * len(p)))
    last = np.sort(p)[-places]
    above, tied = p > last, p == last
    found = y[above].sum() + (places - above.sum()) * _ratio(y[tied].sum(), tied.sum())
    return _ratio(found / places, float(np.mean(y)))


def _placements(y: Array, p: Array) -> tuple[float, Array, Array]:
    """AUC, and for each leaver and each stayer the share of the other class that is ranked correctly."""
    leaves = y == 1
    m, n = int(leaves.sum()), int((~leaves).sum())
    if m == 0 or n == 0 or not np.all(np.isfinite(p)):
        return np.nan, np.full(max(m, 1), np.nan), np.full(max(n, 1), np.nan)
    ranks = rankdata(p)
    leavers = (ranks[leaves] - rankdata(p[leaves])) / n
    stayers = 1 - (ranks[~leaves] - rankdata(p[~leaves])) / m
    return float(np.mean(leavers)), leavers, stayers


def _mean_variance(values: Array) -> float:
    return float(np.var(values, ddof=1) / len(values)) if len(values) > 1 else np.nan


def _logistic_regression(design: Array, y: Array) -> tuple[Array, Array]:
    """Weights and their covariance by Newton's method; NaN when it does not settle."""
    weights = np.zeros(design.shape[1])
    unknown = np.full_like(weights, np.nan), np.full((len(weights), len(weights)), np.nan)
    for _ in range(50):
        fitted = expit(design @ weights)
        information = (design * (fitted * (1 - fitted))[:, None]).T @ design
        if not np.all(np.isfinite(information)) or np.linalg.cond(information) > 1e12:
            return unknown
        step = np.linalg.solve(information, design.T @ (y - fitted))
        weights = weights + step
        if np.max(np.abs(step)) < 1e-8:
            return weights, np.linalg.inv(information)
    return unknown


def _normal(value: float, error: float, confidence: float) -> Estimate:
    reach = norm.ppf(0.5 + confidence / 2) * error
    return Estimate(float(value), float(value - reach), float(value + reach), float(error))


def _ratio(above: float, below: float) -> float:
    return float(above / below) if below > 0 else float("nan")
