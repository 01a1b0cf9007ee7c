"""Hypotheses about the model: what must move it, what must not, and what it must be able to learn."""

import functools
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io

from churn.config import Config, load_config
from churn.data.contract import apply_contract
from churn.data.dataset import Split, mature, split_holdout
from churn.data.sample import sample_customers
from churn.errors import DataError
from churn.modelling import metrics
from churn.modelling.features import feature_frame, label_array
from churn.modelling.model import fit, parameters, probabilities

ESTIMATORS = ("boosting", "logistic")
LATER = date(2030, 1, 1)


@functools.cache
def customers() -> pd.DataFrame:
    return apply_contract(sample_customers(3_000, months=6), load_config().problem).accepted


@functools.cache
def split() -> Split:
    problem = load_config().problem
    return split_holdout(mature(customers(), problem, LATER), problem, share=0.25)


def settings(estimator: str, *overrides: str) -> Config:
    return load_config([f"model.estimator={estimator}", *overrides])


def fitted(config: Config, training: pd.DataFrame | None = None) -> Any:
    rows = split().training if training is None else training
    return fit(
        feature_frame(rows, config.features, config.problem), label_array(rows, config.problem), config
    )


@functools.cache
def shipped(estimator: str) -> Any:
    """The model that the shipped configuration gives, fitted once for all tests."""
    return fitted(settings(estimator))


def scores(estimator: str, rows: pd.DataFrame) -> np.ndarray:
    config = settings(estimator)
    return probabilities(shipped(estimator), feature_frame(rows, config.features, config.problem))


def holdout_labels() -> np.ndarray:
    return label_array(split().holdout, load_config().problem)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_the_model_ranks_a_holdout_it_has_never_seen(estimator: str) -> None:
    y, p = holdout_labels(), scores(estimator, split().holdout)
    # The truth that drew the labels reaches about 0.84.
    assert metrics.auc(y, p).value > 0.80
    assert metrics.auc(y, p).value < 0.90


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_its_probabilities_are_better_than_one_share_for_everybody(estimator: str) -> None:
    y, p = holdout_labels(), scores(estimator, split().holdout)
    assert metrics.brier(y, p) < metrics.brier(y, np.full(len(y), y.mean()))
    assert metrics.brier_skill(y, p).low > 0


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_its_probabilities_are_calibrated(estimator: str) -> None:
    found = metrics.calibration(holdout_labels(), scores(estimator, split().holdout))
    assert found.slope.low < 1 < found.slope.high
    assert found.ratio.low < 1 < found.ratio.high


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_probabilities_are_probabilities(estimator: str) -> None:
    p = scores(estimator, split().holdout)
    assert p.shape == (len(split().holdout),)
    assert p.dtype == "float64"
    assert ((p > 0) & (p < 1)).all()
    assert len(np.unique(p)) > 100


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_longer_contract_lowers_churn_on_average(estimator: str) -> None:
    average = [
        scores(estimator, split().holdout.assign(contract=contract)).mean()
        for contract in ("Month-to-month", "One year", "Two year")
    ]
    assert average[0] > average[1] > average[2]


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize(
    ("change", "effect"),
    [
        ({"tenure": 70.0, "total_charges": 4_000.0}, -1),
        ({"tenure": 1.0, "total_charges": 60.0}, 1),
        ({"internet_service": "Fiber optic"}, 1),
        ({"payment_method": "Electronic check"}, 1),
        ({"tech_support": "Yes"}, -1),
        ({"paperless_billing": True}, 1),
    ],
)
def test_a_known_effect_has_its_direction(estimator: str, change: dict[str, Any], effect: int) -> None:
    before, after = split().holdout, split().holdout.assign(**change)
    assert np.sign(scores(estimator, after).mean() - scores(estimator, before).mean()) == effect


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("customer_id", "somebody else"),
        ("gender", "Male"),
        ("snapshot_date", pd.Timestamp("2031-05-31")),
        ("churn", True),
    ],
)
def test_what_is_no_feature_moves_nobody(estimator: str, name: str, value: object) -> None:
    changed = split().holdout.assign(**{name: value})  # type: ignore[arg-type]
    assert not changed[name].equals(split().holdout[name])
    np.testing.assert_array_equal(scores(estimator, changed), scores(estimator, split().holdout))


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_customer_scores_alike_alone_and_in_company(estimator: str) -> None:
    p = scores(estimator, split().holdout)
    for row in (0, 7, len(p) - 1):
        np.testing.assert_allclose(scores(estimator, split().holdout.iloc[[row]]), p[[row]], rtol=1e-12)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_category_nobody_declared_scores_as_a_missing_one(estimator: str) -> None:
    unseen = scores(estimator, split().holdout.assign(contract="Three year"))
    missing = scores(estimator, split().holdout.assign(contract=None))
    np.testing.assert_array_equal(unseen, missing)
    assert np.isfinite(unseen).all()
    assert not np.array_equal(unseen, scores(estimator, split().holdout))


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_row_that_knows_nothing_still_scores(estimator: str) -> None:
    config = settings(estimator)
    nothing = feature_frame(split().holdout.head(2), config.features, config.problem)
    nothing = nothing.mask(np.ones(nothing.shape, dtype=bool))
    p = probabilities(shipped(estimator), nothing)
    assert ((p > 0) & (p < 1)).all()
    assert p[0] == p[1]


def test_trees_learn_a_tiny_set_by_heart() -> None:
    rows = split().training.head(60)
    by_heart = settings(
        "boosting",
        "model.boosting.min_samples_leaf=1",
        "model.boosting.max_leaf_nodes=31",
        "model.boosting.max_features=1.0",
        "model.boosting.l2_regularization=0.0",
        "model.boosting.learning_rate=0.3",
    )
    model = fitted(by_heart, rows)
    p = probabilities(model, feature_frame(rows, by_heart.features, by_heart.problem))
    assert metrics.auc(label_array(rows, by_heart.problem), p).value == 1.0


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_nothing_is_learnt_from_shuffled_labels(estimator: str) -> None:
    config = settings(estimator)
    rows = split().training
    shuffled = rows.assign(churn=rows["churn"].sample(frac=1.0, random_state=1).to_numpy())
    p = probabilities(
        fitted(config, shuffled), feature_frame(split().holdout, config.features, config.problem)
    )
    found = metrics.auc(holdout_labels(), p)
    # Six standard errors: it may rank by a fluke, but never by a leak.
    assert abs(found.value - 0.5) < 6 * found.error
    assert metrics.brier_skill(holdout_labels(), p).value < 0.05


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_the_same_rows_and_configuration_give_the_same_model_to_the_last_bit(estimator: str) -> None:
    config = settings(estimator)
    again = probabilities(fitted(config), feature_frame(split().holdout, config.features, config.problem))
    np.testing.assert_array_equal(again, scores(estimator, split().holdout))


def test_another_seed_gives_other_trees_and_the_same_line() -> None:
    for estimator, same in (("boosting", False), ("logistic", True)):
        config = settings(estimator, "model.seed=1")
        p = probabilities(fitted(config), feature_frame(split().holdout, config.features, config.problem))
        assert np.array_equal(p, scores(estimator, split().holdout)) is same


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_the_order_in_which_rows_were_stored_does_not_matter(estimator: str) -> None:
    config = settings(estimator)
    shuffled = customers().sample(frac=1.0, random_state=9)
    assert not shuffled.index.equals(customers().index)
    rows = split_holdout(mature(shuffled, config.problem, LATER), config.problem, share=0.25)
    p = probabilities(
        fitted(config, rows.training), feature_frame(rows.holdout, config.features, config.problem)
    )
    np.testing.assert_array_equal(p, scores(estimator, split().holdout))


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_customer_is_contacted_from_the_threshold_of_the_costs_on(estimator: str) -> None:
    config, model = settings(estimator), shipped(estimator)
    X = feature_frame(split().holdout, config.features, config.problem)
    assert model.threshold == config.problem.costs.threshold
    decided = probabilities(model, X) >= config.problem.costs.threshold
    np.testing.assert_array_equal(model.predict(X), decided.astype(int))
    assert 0 < decided.mean() < 1


def test_a_customer_exactly_at_the_threshold_is_contacted() -> None:
    config = settings("logistic")
    X = feature_frame(split().holdout, config.features, config.problem)
    at = float(probabilities(shipped("logistic"), X)[0])
    below, above = np.nextafter(at, 0), np.nextafter(at, 1)
    decisions = []
    for threshold in (below, at, above):
        shipped("logistic").set_params(threshold=threshold)
        decisions.append(int(shipped("logistic").predict(X.head(1))[0]))
    shipped("logistic").set_params(threshold=config.problem.costs.threshold)
    assert decisions == [1, 1, 0]


def test_dearer_customers_are_contacted_at_lower_probabilities_and_scored_alike() -> None:
    config = settings("logistic", "problem.costs.customer_value=2000")
    dear, X = fitted(config), feature_frame(split().holdout, config.features, config.problem)
    assert dear.threshold < shipped("logistic").threshold
    np.testing.assert_array_equal(probabilities(dear, X), scores("logistic", split().holdout))
    assert dear.predict(X).sum() > shipped("logistic").predict(X).sum()


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("features", ["['tenure', 'partner']", "['contract', 'internet_service']"])
def test_a_model_may_have_numbers_only_or_categories_only(estimator: str, features: str) -> None:
    config = settings(estimator, f"model.features={features}")
    p = probabilities(fitted(config), feature_frame(split().holdout, config.features, config.problem))
    assert metrics.auc(holdout_labels(), p).value > 0.65


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_column_that_is_empty_in_training_is_no_obstacle(estimator: str) -> None:
    config = settings(estimator)
    model = fitted(config, split().training.assign(total_charges=np.nan, contract=None))
    p = probabilities(model, feature_frame(split().holdout, config.features, config.problem))
    assert metrics.auc(holdout_labels(), p).value > 0.75


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("known", [1, 100])
def test_a_column_that_is_known_in_the_newest_rows_only_is_no_obstacle(estimator: str, known: int) -> None:
    config, rows = settings(estimator), split().training
    recent = np.arange(len(rows)) >= len(rows) - known
    model = fitted(config, rows.assign(total_charges=rows["total_charges"].where(recent)))
    p = probabilities(model, feature_frame(split().holdout, config.features, config.problem))
    assert metrics.auc(holdout_labels(), p).value > 0.80


@pytest.mark.parametrize("leavers", [0, 1, 4])
def test_fewer_leavers_than_calibration_folds_are_refused_by_name(leavers: int) -> None:
    config = settings("logistic")
    rows = split().training
    few = pd.concat([rows[rows["churn"]].head(leavers), rows[~rows["churn"]].head(50)])
    with pytest.raises(DataError, match="calibration_folds = 5"):
        fitted(config, few)


def test_as_many_leavers_as_calibration_folds_are_enough() -> None:
    config = settings("logistic")
    rows = split().training
    few = pd.concat([rows[rows["churn"]].head(5), rows[~rows["churn"]].head(50)])
    p = probabilities(fitted(config, few), feature_frame(rows, config.features, config.problem))
    assert np.isfinite(p).all()


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_fitting_leaves_its_rows_alone(estimator: str) -> None:
    config, rows = settings(estimator), split().training.head(200)
    X, y = feature_frame(rows, config.features, config.problem), label_array(rows, config.problem)
    before = X.copy(deep=True), y.copy()
    probabilities(fit(X, y, config), X)
    pd.testing.assert_frame_equal(X, before[0])
    np.testing.assert_array_equal(y, before[1])


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_stored_model_needs_none_of_our_code(estimator: str) -> None:
    stored = skops.io.dumps(shipped(estimator))
    unusual = skops.io.get_untrusted_types(data=stored)
    assert {name.split(".")[0] for name in unusual} <= {"sklearn", "numpy"}
    loaded = skops.io.loads(stored, trusted=unusual)
    config = settings(estimator)
    X = feature_frame(split().holdout, config.features, config.problem)
    np.testing.assert_array_equal(probabilities(loaded, X), probabilities(shipped(estimator), X))


def test_the_record_of_a_fit_names_what_distinguishes_it() -> None:
    boosting, logistic = parameters(settings("boosting")), parameters(settings("logistic"))
    assert boosting["estimator"] == "boosting"
    assert boosting["features"] == 18
    assert boosting["max_iter"] == 200
    assert "C" not in boosting
    assert logistic["C"] == 1.0
    assert "max_iter" not in logistic
    assert parameters(settings("boosting", "model.seed=1"))["seed"] == 1
