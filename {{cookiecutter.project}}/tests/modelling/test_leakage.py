"""A column that is the label in disguise stands out, whatever the disguise; an honest one does not."""

import warnings
from collections.abc import Callable
from datetime import date

import numpy as np
import pandas as pd
import pytest

from churn.config import load_config
from churn.data.contract import apply_contract
from churn.data.dataset import Split, mature, split_holdout
from churn.data.sample import sample_customers
from churn.modelling.leakage import feature_strengths, strongest_feature

CONFIG = load_config()
PROBLEM = CONFIG.problem
LIMIT = CONFIG.gates.leakage.feature_auc
Disguise = Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame]


@pytest.fixture(scope="module")
def split() -> Split:
    customers = apply_contract(sample_customers(6_000, months=6), PROBLEM).accepted
    return split_holdout(mature(customers, PROBLEM, date(2030, 1, 1)), PROBLEM, share=0.3)


def leaves(rows: pd.DataFrame) -> np.ndarray:
    return rows["churn"].to_numpy(dtype=bool)


def strengths(split: Split, disguise: Disguise) -> dict[str, float]:
    rng = np.random.default_rng(1)
    training, holdout = disguise(split.training, rng), disguise(split.holdout, rng)
    return feature_strengths(training, holdout, CONFIG.features, PROBLEM)


def copied(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    del rng
    return rows.assign(partner=rows["churn"])


def inverted(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    del rng
    return rows.assign(partner=~rows["churn"])


def as_category(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    del rng
    return rows.assign(contract=np.where(leaves(rows), "One year", "Two year"))


def as_number(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    return rows.assign(tenure=np.where(leaves(rows), 10.0, 50.0) + rng.normal(size=len(rows)))


def as_valley(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Leavers at both ends, stayers between: no correlation at all."""
    ends = rng.choice([5.0, 65.0], len(rows)) + rng.normal(size=len(rows))
    return rows.assign(tenure=np.where(leaves(rows), ends, 35 + 5 * rng.normal(size=len(rows))))


def as_gap(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Filled in for stayers only."""
    return rows.assign(total_charges=np.where(leaves(rows), np.nan, rng.uniform(0, 5_000, len(rows))))


def as_filled(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Filled in for leavers only."""
    return rows.assign(total_charges=np.where(leaves(rows), rng.uniform(0, 5_000, len(rows)), np.nan))


def as_missing_flag(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    del rng
    return rows.assign(partner=rows["partner"].mask(rows["churn"]))


DISGUISES: dict[str, tuple[str, Disguise]] = {
    "a copy": ("partner", copied),
    "its opposite": ("partner", inverted),
    "a category": ("contract", as_category),
    "a number": ("tenure", as_number),
    "a valley": ("tenure", as_valley),
    "a gap": ("total_charges", as_gap),
    "the only value": ("total_charges", as_filled),
    "a missing flag": ("partner", as_missing_flag),
}


@pytest.mark.parametrize("disguise", DISGUISES)
def test_the_label_in_disguise_is_nearly_perfect_and_named(split: Split, disguise: str) -> None:
    name, leak = DISGUISES[disguise]
    found = strengths(split, leak)
    assert found[name] > 0.99
    assert max(found, key=lambda feature: found[feature]) == name
    rng = np.random.default_rng(1)
    training, holdout = leak(split.training, rng), leak(split.holdout, rng)
    assert strongest_feature(training, holdout, CONFIG.features, PROBLEM) == (name, found[name])


@pytest.mark.parametrize(("wrong", "caught"), [(0.01, True), (0.02, True), (0.20, False)])
def test_a_noisy_copy_is_as_strong_as_it_is_often_right(split: Split, wrong: float, caught: bool) -> None:
    def noisy(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        return rows.assign(partner=rows["churn"] ^ (rng.random(len(rows)) < wrong))

    strength = strengths(split, noisy)["partner"]
    assert strength == pytest.approx(1 - wrong, abs=0.03)
    assert (strength > LIMIT) is caught


def test_no_column_of_an_honest_frame_comes_near_the_limit(split: Split) -> None:
    found = feature_strengths(split.training, split.holdout, CONFIG.features, PROBLEM)
    assert set(found) == set(CONFIG.features)
    assert max(found.values()) < 0.8
    assert min(found.values()) > 0.4
    assert strongest_feature(split.training, split.holdout, CONFIG.features, PROBLEM)[0] == "tenure"


def test_a_column_of_noise_is_worth_a_coin_and_cannot_overfit(split: Split) -> None:
    def noise(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        return rows.assign(
            tenure=rng.uniform(0, 120, len(rows)),
            contract=rng.choice(PROBLEM.columns["contract"].values, len(rows)),
            partner=rng.random(len(rows)) < 0.5,
        )

    found = strengths(split, noise)
    for name in ("tenure", "contract", "partner"):
        assert found[name] == pytest.approx(0.5, abs=0.06)


def test_a_leak_that_only_the_training_rows_hold_gives_nothing_away(split: Split) -> None:
    flipped = np.random.default_rng(2).random(len(split.holdout)) < 0.5
    training, holdout = (
        split.training.assign(partner=split.training["churn"]),
        split.holdout.assign(partner=flipped),
    )
    assert feature_strengths(training, holdout, ["partner"], PROBLEM)["partner"] == pytest.approx(
        0.5, abs=0.06
    )


def test_a_leak_is_found_among_the_features_asked_for_only(split: Split) -> None:
    rng = np.random.default_rng(3)
    training, holdout = copied(split.training, rng), copied(split.holdout, rng)
    name, strength = strongest_feature(training, holdout, ["tenure", "contract"], PROBLEM)
    assert name in {"tenure", "contract"}
    assert strength < 0.8


def test_constant_and_empty_columns_are_worth_a_coin(split: Split) -> None:
    def dull(rows: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        del rng
        empty = pd.Series(pd.NA, index=rows.index, dtype="boolean")
        return rows.assign(tenure=5.0, total_charges=np.nan, contract="One year", partner=empty)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = strengths(split, dull)
    for name in ("tenure", "total_charges", "contract", "partner"):
        assert found[name] == 0.5


@pytest.mark.parametrize(("stayers", "leavers"), [("Two year", "unseen"), ("unseen", "Month-to-month")])
def test_a_group_that_training_never_saw_ranks_in_the_middle(
    split: Split, stayers: str, leavers: str
) -> None:
    held = split.holdout.assign(contract=np.where(leaves(split.holdout), leavers, stayers))
    assert feature_strengths(split.training, held, ["contract"], PROBLEM)["contract"] == 1.0


@pytest.mark.parametrize("kind", ["string", "category"])
def test_how_a_category_is_held_does_not_matter(split: Split, kind: str) -> None:
    held = split.training.astype({"contract": kind}), split.holdout.astype({"contract": "object"})
    plain = feature_strengths(split.training, split.holdout, ["contract"], PROBLEM)
    assert feature_strengths(*held, ["contract"], PROBLEM) == plain


def test_a_holdout_of_one_class_is_suspicious_and_not_innocent(split: Split) -> None:
    stayers = split.holdout[~split.holdout["churn"]]
    name, strength = strongest_feature(split.training, stayers, CONFIG.features, PROBLEM)
    assert name in CONFIG.features
    assert np.isnan(strength)


def test_looking_for_leaks_leaves_the_rows_alone(split: Split) -> None:
    before = split.training.copy(deep=True), split.holdout.copy(deep=True)
    feature_strengths(split.training, split.holdout, CONFIG.features, PROBLEM)
    pd.testing.assert_frame_equal(split.training, before[0])
    pd.testing.assert_frame_equal(split.holdout, before[1])
