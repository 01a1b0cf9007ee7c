"""Quality within groups: intervals, and which groups fail once many are looked at together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.stats import norm

from churn.config.gates import SegmentLimits
from churn.modelling import metrics
from churn.modelling.metrics import Array, Estimate

SIGNIFICANCE = 0.05


@dataclass(frozen=True)
class Segment:
    """One group of a column's rows. ``lost`` is the paired AUC difference to the champion, or None."""

    name: str
    rows: int
    leavers: int
    auc: Estimate
    lost: Estimate | None
    judged: bool
    failed: bool


def judge(
    holdout: pd.DataFrame,
    y: Array,
    challenger: Array,
    champion: Array | None,
    columns: Sequence[str],
    limits: SegmentLimits,
) -> list[Segment]:
    """Every group of ``columns``; Holm's correction is over all groups that are large enough to be judged."""
    groups = [
        _measure(f"{column} = {value}", np.asarray(rows), y, challenger, champion, limits)
        for column in columns
        for value, rows in holdout.groupby(column, dropna=False, observed=True).indices.items()
    ]
    judged = [group for group in groups if group.judged]
    failed = {
        group.name
        for group, fails in zip(judged, _holm([_doubt(g, limits) for g in judged]), strict=True)
        if fails
    }
    return [replace(group, failed=group.name in failed) for group in groups]


def _measure(
    name: str, rows: Array, y: Array, challenger: Array, champion: Array | None, limits: SegmentLimits
) -> Segment:
    labels = y[rows]
    leavers = int(labels.sum())
    return Segment(
        name=name,
        rows=len(rows),
        leavers=leavers,
        auc=metrics.auc(labels, challenger[rows]),
        lost=None if champion is None else metrics.auc_difference(labels, challenger[rows], champion[rows]),
        judged=min(leavers, len(rows) - leavers) >= limits.per_class,
        failed=False,
    )


def _doubt(group: Segment, limits: SegmentLimits) -> float:
    """The smaller p-value, doubled for asking twice, of two null hypotheses under which the group is fine.

    That its AUC reaches the limit, and that it lost no more than the margin against the champion.
    """
    pieces = [_p_value(group.auc, limits.auc)]
    if group.lost is not None:
        pieces.append(_p_value(group.lost, -limits.margin))
    return min(1.0, len(pieces) * min(pieces))


def _p_value(found: Estimate, limit: float) -> float:
    if not np.isfinite(found.value):
        return 0.0
    if found.error == 0:
        return float(found.value >= limit)
    return float(norm.cdf((found.value - limit) / found.error))


def _holm(p_values: list[float]) -> list[bool]:
    """Which hypotheses fall, controlling the family-wise error (Holm 1979)."""
    order = np.argsort(p_values)
    falls = [False] * len(p_values)
    for step, position in enumerate(order):
        if p_values[position] > SIGNIFICANCE / (len(p_values) - step):
            break
        falls[position] = True
    return falls
