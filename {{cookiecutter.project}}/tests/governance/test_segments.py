import numpy as np
import pandas as pd
from scipy.special import expit

from churn.config.gates import SegmentLimits
from churn.governance.segments import judge

LIMITS = SegmentLimits(auc=0.55, margin=0.03, per_class=20)


def draw(rows: int, groups: int, seed: int) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Customers in equal groups, their labels and their true probabilities."""
    random = np.random.default_rng(seed)
    p = expit(random.normal(-1.2, 1.6, rows))
    holdout = pd.DataFrame({"group": [f"g{place}" for place in np.arange(rows) % groups]})
    return holdout, (random.random(rows) < p).astype(int), p


def test_groups_without_a_defect_are_rarely_failed() -> None:
    failing = 0
    for seed in range(200):
        holdout, y, p = draw(1_400, 10, seed)
        retrained = expit(np.log(p / (1 - p)) + np.random.default_rng(seed).normal(scale=0.25, size=len(p)))
        failing += any(group.failed for group in judge(holdout, y, retrained, p, ["group"], LIMITS))
    assert failing <= 10  # 5 % of 200


def test_a_group_scored_at_random_is_failed_and_only_that_group() -> None:
    found = 0
    for seed in range(20):
        holdout, y, p = draw(7_000, 7, seed)
        broken = p.copy()
        rows = (holdout["group"] == "g3").to_numpy()
        broken[rows] = np.random.default_rng(seed).permutation(broken[rows])
        found += [g.name for g in judge(holdout, y, broken, p, ["group"], LIMITS) if g.failed] == [
            "group = g3"
        ]
    assert found >= 19


def test_a_group_is_failed_without_a_champion_when_it_is_ranked_like_noise() -> None:
    holdout, y, p = draw(7_000, 7, seed=1)
    broken = np.where(holdout["group"] == "g3", 0.3, p)
    failed = [group.name for group in judge(holdout, y, broken, None, ["group"], LIMITS) if group.failed]
    assert failed == ["group = g3"]


def test_small_groups_are_listed_but_not_judged() -> None:
    holdout, y, p = draw(100, 10, seed=1)
    groups = judge(holdout, y, 1 - p, p, ["group"], LIMITS)
    assert len(groups) == 10
    assert not any(group.judged or group.failed for group in groups)


def test_missing_values_are_a_group_of_their_own() -> None:
    holdout, y, p = draw(2_000, 2, seed=1)
    holdout.loc[holdout["group"] == "g1", "group"] = None
    groups = judge(holdout, y, p, None, ["group"], LIMITS)
    assert [group.rows for group in groups] == [1_000, 1_000]


def test_scores_that_are_no_numbers_fail_their_group() -> None:
    holdout, y, p = draw(2_000, 2, seed=1)
    p = np.where(holdout["group"] == "g1", np.nan, p)
    assert [g.name for g in judge(holdout, y, p, None, ["group"], LIMITS) if g.failed] == ["group = g1"]
