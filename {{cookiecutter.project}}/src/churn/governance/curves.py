"""The numbers behind the report's pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import binomtest
from sklearn.metrics import roc_curve

from churn.config.problem import Costs
from churn.modelling.metrics import Array, Estimate

POINTS = 300  # of a line: as many as the pixels it is drawn on


@dataclass(frozen=True)
class Curve:
    """A model's probabilities, and the shares of leavers and stayers at or above falling thresholds."""

    probabilities: Array
    thresholds: Array
    leavers: Array
    stayers: Array
    style: dict[str, Any]


@dataclass(frozen=True)
class View:
    """What a picture shows: the holdout's labels, the curves that could be computed, the declared costs."""

    labels: Array
    curves: Sequence[Curve]
    costs: Costs

    @property
    def share(self) -> float:
        """Leavers among all rows."""
        return float(np.mean(self.labels))


def obstacle(y: Array, p: Array) -> str:
    """Why no curve of ``p`` can be computed; empty when it can."""
    if not len(y):
        return "the holdout has no rows"
    if not np.all(np.isfinite(p)):
        return "not every score is a finite number"
    return "" if len(np.unique(y)) == 2 else "the holdout holds one class only"


def trace(y: Array, p: Array, style: dict[str, Any]) -> Curve:
    """The curve of probabilities without an obstacle; equal probabilities are one step of it."""
    stayers, leavers, thresholds = roc_curve(y, p, drop_intermediate=False)
    return Curve(p, thresholds, leavers, stayers, style)


def thin(*lines: Array) -> list[Array]:
    """The same points of each line, POINTS at most, both ends among them."""
    kept = np.unique(np.linspace(0, len(lines[0]) - 1, POINTS).round().astype(int))
    return [line[kept] for line in lines]


def profits(curve: Curve, view: View, thresholds: Array) -> Array:
    """Money per customer when everybody at or above a threshold is contacted, for each of ``thresholds``."""
    reached = np.searchsorted(-curve.thresholds, -thresholds, side="right") - 1
    gained: Array = view.share * view.costs.gain * curve.leavers[reached]
    return gained - (1 - view.share) * view.costs.loss * curve.stayers[reached]


def tenths(y: Array, p: Array) -> list[tuple[float, Estimate]]:
    """Mean probability and observed share of tenths of the rows by ``p``, with 95 % intervals.

    Rows of equal probability stay together, so there may be fewer than ten. Interval: Wilson (1927).
    """
    edges = np.unique(np.quantile(p, np.linspace(0, 1, 11)[1:-1]))
    place = np.searchsorted(edges, p, side="left")
    return [(float(np.mean(p[place == tenth])), _share(y[place == tenth])) for tenth in np.unique(place)]


def _share(y: Array) -> Estimate:
    found = binomtest(int(y.sum()), len(y)).proportion_ci(method="wilson")
    value = float(np.mean(y))
    return Estimate(value, float(found.low), float(found.high), float(np.sqrt(value * (1 - value) / len(y))))
