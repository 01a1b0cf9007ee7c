"""Each measure against an independent one, in both directions; each interval against a simulation."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from scipy.stats import norm
from sklearn.metrics import brier_score_loss, roc_auc_score

from churn.config import load_config
from churn.config.problem import Costs
from churn.modelling.metrics import (
    Array,
    Estimate,
    auc,
    auc_difference,
    brier,
    brier_skill,
    calibration,
    lift,
    profit,
)

THOROUGH = settings(max_examples=60, deadline=None, derandomize=True, database=None)
COSTS = load_config().problem.costs
ROWS = st.lists(st.tuples(st.booleans(), st.integers(0, 8), st.integers(0, 8)), min_size=4, max_size=60)


def arrays(rows: list[tuple[bool, int, int]]) -> tuple[Array, Array, Array]:
    """Labels of both classes and two scores with many ties."""
    y, p, q = (np.array(column) for column in zip(*rows, strict=True))
    assume(0 < y.sum() < len(y))
    return y.astype(int), p / 8, q / 8


def drawn(rng: np.random.Generator, rows: int = 2_000, spread: float = 1.2) -> tuple[Array, Array]:
    """Labels drawn from probabilities that are therefore perfectly calibrated."""
    p = expit(-1 + spread * rng.normal(size=rows))
    return (rng.random(rows) < p).astype(int), p


def binormal(rng: np.random.Generator, rows: int, distance: float, share: float = 0.3) -> tuple[Array, Array]:
    """Labels and scores whose true AUC is norm.cdf(distance / sqrt(2))."""
    y = (rng.random(rows) < share).astype(int)
    return y, rng.normal(size=rows) + distance * y


def coverage(simulate: Callable[[np.random.Generator], Estimate], truth: float, times: int) -> float:
    found = [simulate(np.random.default_rng(seed)) for seed in range(times)]
    return float(np.mean([estimate.low <= truth <= estimate.high for estimate in found]))


def is_unknown(estimate: Estimate) -> bool:
    return all(np.isnan([estimate.value, estimate.low, estimate.high, estimate.error]))


@THOROUGH
@given(rows=ROWS)
def test_auc_is_that_of_scikit_learn_with_ties_too(rows: list[tuple[bool, int, int]]) -> None:
    y, p, _ = arrays(rows)
    assert auc(y, p).value == pytest.approx(roc_auc_score(y, p), abs=1e-12)
    assert auc(y, 1 - p).value == pytest.approx(1 - auc(y, p).value, abs=1e-12)


@THOROUGH
@given(rows=ROWS)
def test_auc_sees_ranks_only_and_no_order_of_rows(rows: list[tuple[bool, int, int]]) -> None:
    y, p, _ = arrays(rows)
    assert auc(y, np.exp(5 * p) - 3).value == auc(y, p).value
    assert auc(y[::-1], p[::-1]).value == pytest.approx(auc(y, p).value, abs=1e-12)


def test_auc_of_perfect_wrong_and_constant_scores() -> None:
    y = np.array([0, 0, 1, 1])
    assert auc(y, y).value == 1.0
    assert auc(y, 1 - y).value == 0.0
    assert auc(y, np.full(4, 0.3)).value == 0.5


@THOROUGH
@given(rows=ROWS)
def test_a_difference_of_auc_is_the_difference_and_changes_sign_with_its_order(
    rows: list[tuple[bool, int, int]],
) -> None:
    y, p, q = arrays(rows)
    forth, back = auc_difference(y, p, q), auc_difference(y, q, p)
    assert forth.value == pytest.approx(auc(y, p).value - auc(y, q).value, abs=1e-12)
    np.testing.assert_allclose([back.value, back.low, back.high], [-forth.value, -forth.high, -forth.low])
    np.testing.assert_allclose(back.error, forth.error)


def test_the_better_of_two_scores_is_found_in_both_orders() -> None:
    y, p = drawn(np.random.default_rng(1))
    noisy = p + np.random.default_rng(2).normal(size=len(p))
    assert auc_difference(y, p, noisy).low > 0
    assert auc_difference(y, noisy, p).high < 0


def test_a_score_does_not_differ_from_itself_at_all() -> None:
    y, p = drawn(np.random.default_rng(3))
    found = auc_difference(y, p, np.sqrt(p))
    assert (found.value, found.error) == (0.0, 0.0)


def test_pairing_makes_a_difference_sharper_than_two_separate_intervals() -> None:
    y, p = drawn(np.random.default_rng(4))
    close = p + 0.01 * np.random.default_rng(5).normal(size=len(p))
    assert auc_difference(y, p, close).error < 0.5 * np.hypot(auc(y, p).error, auc(y, close).error)


@pytest.mark.parametrize("distance", [0.0, 1.0, 2.0])
def test_the_error_of_auc_agrees_with_a_bootstrap(distance: float) -> None:
    rng = np.random.default_rng(6)
    y, p = binormal(rng, 500, distance)
    again = [auc(y[rows], p[rows]).value for rows in rng.integers(0, 500, size=(1_000, 500))]
    # The bootstrap's own error is 1 / sqrt(2 x 1000), 2.2 %.
    assert auc(y, p).error == pytest.approx(np.std(again), rel=0.1)


def test_the_error_of_a_difference_agrees_with_a_bootstrap() -> None:
    rng = np.random.default_rng(7)
    y, p = binormal(rng, 500, 1.0)
    q = p + rng.normal(size=500)
    again = [auc_difference(y[r], p[r], q[r]).value for r in rng.integers(0, 500, size=(1_000, 500))]
    assert auc_difference(y, p, q).error == pytest.approx(np.std(again), rel=0.1)


@pytest.mark.parametrize("confidence", [0.90, 0.95])
def test_the_interval_of_auc_covers_the_truth_as_often_as_it_says(confidence: float) -> None:
    def simulate(rng: np.random.Generator) -> Estimate:
        return auc(*binormal(rng, 300, distance=1.0), confidence)

    covered = coverage(simulate, truth=float(norm.cdf(1 / np.sqrt(2))), times=2_000)
    assert abs(covered - confidence) < 0.02


def test_the_interval_of_a_difference_covers_the_truth_as_often_as_it_says() -> None:
    def simulate(rng: np.random.Generator) -> Estimate:
        y, shared = binormal(rng, 300, distance=1.0)
        # Both scores add noise of the same strength to a shared part, so that their true AUC is equal.
        p, q = shared + rng.normal(size=300), shared + rng.normal(size=300)
        return auc_difference(y, p, q)

    assert 0.93 < coverage(simulate, truth=0.0, times=2_000) < 0.97


def test_the_intervals_of_calibration_cover_the_truth_as_often_as_they_say() -> None:
    def slope(rng: np.random.Generator) -> Estimate:
        return calibration(*drawn(rng, 1_000)).slope

    def intercept(rng: np.random.Generator) -> Estimate:
        return calibration(*drawn(rng, 1_000)).intercept

    assert 0.93 < coverage(slope, truth=1.0, times=2_000) < 0.97
    assert 0.93 < coverage(intercept, truth=0.0, times=2_000) < 0.97


def test_the_interval_of_brier_skill_covers_the_truth_as_often_as_it_says() -> None:
    y, p = drawn(np.random.default_rng(8), 2_000_000)
    truth = brier_skill(y, p).value

    def simulate(rng: np.random.Generator) -> Estimate:
        return brier_skill(*drawn(rng, 1_000))

    assert 0.93 < coverage(simulate, truth, times=1_000) < 0.97


@pytest.mark.parametrize("measure", [auc, brier_skill])
def test_an_interval_is_wider_when_surer_and_narrower_with_more_rows(
    measure: Callable[..., Estimate],
) -> None:
    y, p = drawn(np.random.default_rng(9), 4_000)
    found, surer, fewer = measure(y, p), measure(y, p, 0.99), measure(y[:1_000], p[:1_000])
    assert surer.low < found.low < found.value < found.high < surer.high
    assert surer.error == found.error
    assert fewer.error == pytest.approx(2 * found.error, rel=0.15)
    assert found.high - found.value == pytest.approx(1.959964 * found.error, rel=1e-6)


@pytest.mark.parametrize("y", [np.ones(5), np.zeros(5)], ids=["leavers only", "stayers only"])
def test_with_one_class_nothing_is_known(y: Array) -> None:
    p = np.linspace(0.1, 0.9, 5)
    assert is_unknown(auc(y, p))
    assert is_unknown(auc_difference(y, p, p[::-1]))
    assert is_unknown(brier_skill(y, p))
    assert is_unknown(calibration(y, p).slope)
    assert is_unknown(calibration(y, p).intercept)


@pytest.mark.parametrize("hostile", [np.nan, np.inf, -np.inf])
def test_a_probability_that_is_no_number_makes_the_result_unknown_and_never_good(hostile: float) -> None:
    y, p = drawn(np.random.default_rng(10), 50)
    broken = p.copy()
    broken[7] = hostile
    assert is_unknown(auc(y, broken))
    assert is_unknown(auc_difference(y, broken, p))
    assert is_unknown(auc_difference(y, p, broken))
    assert not brier_skill(y, broken).value > -1
    assert not brier(y, broken) < 1


def test_a_single_leaver_leaves_the_error_unknown() -> None:
    found = auc(np.array([1, 0, 0, 0]), np.array([0.9, 0.1, 0.2, 0.3]))
    assert found.value == 1.0
    assert np.isnan([found.low, found.high, found.error]).all()


@THOROUGH
@given(rows=ROWS)
def test_brier_is_that_of_scikit_learn(rows: list[tuple[bool, int, int]]) -> None:
    y, p, _ = arrays(rows)
    assert brier(y, p) == pytest.approx(brier_score_loss(y, p), abs=1e-12)


def test_brier_skill_of_a_perfect_a_constant_and_a_worse_score() -> None:
    y = np.array([1, 0, 0, 0] * 50)
    share = np.full(len(y), y.mean())
    assert brier_skill(y, y.astype(float)).value == pytest.approx(1)
    assert brier_skill(y, share).value == pytest.approx(0, abs=1e-12)
    assert brier_skill(y, share).error == pytest.approx(0, abs=1e-12)
    assert brier_skill(y, share + 0.1).value < 0
    assert brier_skill(y, 1.0 - y).value == pytest.approx(1 - 1 / (0.25 * 0.75))


def test_brier_skill_is_one_less_the_ratio_of_two_brier_scores() -> None:
    y, p = drawn(np.random.default_rng(11))
    base = brier(y, np.full(len(y), y.mean()))
    assert brier_skill(y, p).value == pytest.approx(1 - brier(y, p) / base)
    assert brier_skill(y, p).low > 0
    assert brier_skill(y, 1 - p).high < 0


@pytest.mark.parametrize(("stretch", "shift"), [(1.0, 0.0), (2.0, 0.0), (0.5, 0.0), (1.0, 0.7), (1.6, -0.4)])
def test_a_known_distortion_is_recovered(stretch: float, shift: float) -> None:
    y, p = drawn(np.random.default_rng(12), 40_000)
    found = calibration(y, expit(stretch * logit(p) + shift))
    # logit(truth) = (logit(distorted) - shift) / stretch
    assert found.slope.value == pytest.approx(1 / stretch, abs=4 * found.slope.error)
    assert found.intercept.value == pytest.approx(-shift / stretch, abs=4 * found.intercept.error)
    assert found.slope.error < 0.05
    assert found.intercept.error < 0.05


def test_overconfidence_and_timidity_lie_on_either_side_of_one() -> None:
    y, p = drawn(np.random.default_rng(13), 10_000)
    assert calibration(y, expit(2 * logit(p))).slope.high < 1
    assert calibration(y, expit(0.5 * logit(p))).slope.low > 1
    assert calibration(y, 1 - p).slope.high < 0


def test_the_ratio_is_mean_prediction_over_observed_share() -> None:
    y, p = drawn(np.random.default_rng(14), 10_000)
    assert calibration(y, p).ratio.value == pytest.approx(p.mean() / y.mean())
    assert calibration(y, p).ratio.low < 1 < calibration(y, p).ratio.high
    assert calibration(y, p * 1.2).ratio.low > 1
    assert calibration(y, p * 0.8).ratio.high < 1


@pytest.mark.parametrize("constant", [0.0, 0.26, 0.5, 1.0])
def test_constant_scores_have_no_slope(constant: float) -> None:
    y, _ = drawn(np.random.default_rng(15), 200)
    found = calibration(y, np.full(200, constant))
    assert is_unknown(found.slope)
    assert is_unknown(found.intercept)
    assert found.ratio.value == pytest.approx(constant / y.mean())


def test_scores_that_part_the_classes_perfectly_have_no_slope() -> None:
    y = np.array([0] * 50 + [1] * 50)
    assert is_unknown(calibration(y, np.linspace(0.01, 0.99, 100)).slope)
    assert is_unknown(calibration(y, y.astype(float)).slope)


def test_probabilities_of_zero_and_one_do_not_stop_calibration() -> None:
    y, p = drawn(np.random.default_rng(16))
    edged = p.copy()
    edged[:2] = (0.0, 1.0)
    assert np.isfinite(calibration(y, edged).slope.value)


MONEY = st.tuples(st.floats(100, 5_000), st.floats(0, 30), st.floats(0.1, 5), st.floats(0.5, 1))
POLICIES = st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=1, max_size=30)


def costs(money: tuple[float, float, float, float], scale: float = 1.0) -> Costs:
    value, offer, contact, acceptance = money
    return Costs(
        customer_value=scale * value, offer=scale * offer, contact=scale * contact, acceptance=acceptance
    )


def policies(rows: list[tuple[bool, bool, bool]]) -> tuple[Array, Array, Array]:
    y, first, second = (np.array(column) for column in zip(*rows, strict=True))
    return y.astype(int), first, second


def test_profit_adds_up_by_hand() -> None:
    y, contacted = np.array([1, 1, 0, 0]), np.array([True, False, True, False])
    # A leaver who is contacted: 0.3 x (200 - 10) - 1 = 56; a stayer: -(10 + 1).
    assert profit(y, contacted, COSTS) == pytest.approx((56 - 11) / 4)
    assert profit(y, ~contacted, COSTS) == pytest.approx((56 - 11) / 4)
    assert profit(y, y == 1, COSTS) == pytest.approx(2 * 56 / 4)
    assert profit(y, y == 0, COSTS) == pytest.approx(2 * -11 / 4)


@THOROUGH
@given(rows=POLICIES, money=MONEY)
def test_nobody_earns_more_than_who_contacts_exactly_the_leavers(
    rows: list[tuple[bool, bool, bool]], money: tuple[float, float, float, float]
) -> None:
    y, contacted, _ = policies(rows)
    best, worst = profit(y, y == 1, costs(money)), profit(y, y == 0, costs(money))
    assert worst <= profit(y, contacted, costs(money)) <= best
    if not np.array_equal(contacted, y == 1):
        assert profit(y, contacted, costs(money)) < best


@THOROUGH
@given(rows=POLICIES, money=MONEY)
def test_doing_nothing_earns_nothing(
    rows: list[tuple[bool, bool, bool]], money: tuple[float, float, float, float]
) -> None:
    y, _, _ = policies(rows)
    assert profit(y, np.zeros(len(y), dtype=bool), costs(money)) == 0
    assert profit(np.zeros(len(y), dtype=int), np.ones(len(y), dtype=bool), costs(money)) < 0
    assert profit(np.ones(len(y), dtype=int), np.ones(len(y), dtype=bool), costs(money)) > 0


@THOROUGH
@given(rows=POLICIES, money=MONEY, scale=st.sampled_from([0.01, 0.5, 3.0, 1_000.0]))
def test_another_currency_changes_neither_the_order_of_policies_nor_the_threshold(
    rows: list[tuple[bool, bool, bool]], money: tuple[float, float, float, float], scale: float
) -> None:
    y, first, second = policies(rows)
    gap = profit(y, first, costs(money)) - profit(y, second, costs(money))
    scaled = profit(y, first, costs(money, scale)) - profit(y, second, costs(money, scale))
    assert scaled == pytest.approx(scale * gap, abs=1e-9 * scale)
    assert costs(money, scale).threshold == pytest.approx(costs(money).threshold)


@THOROUGH
@given(money=MONEY, dearer=st.floats(1.01, 10))
def test_a_dearer_customer_never_raises_the_threshold(
    money: tuple[float, float, float, float], dearer: float
) -> None:
    value, *rest = money
    before, after = costs(money), costs((value * dearer, *rest))  # type: ignore[arg-type]
    assert 0 < after.threshold < before.threshold < 1
    assert after.gain > before.gain
    assert after.loss == before.loss


def test_on_calibrated_probabilities_no_other_cut_earns_clearly_more_than_the_threshold() -> None:
    y, p = drawn(np.random.default_rng(17), 100_000)
    at_threshold = profit(y, p >= COSTS.threshold, COSTS)
    cuts = np.linspace(0, 1, 51)
    earned = np.array([profit(y, p >= cut, COSTS) for cut in cuts])
    assert earned.max() - at_threshold < 0.05
    assert at_threshold > profit(y, p >= 0, COSTS)
    assert at_threshold > profit(y, p >= 0.5, COSTS) + 1
    assert at_threshold > 0


def test_lift_of_perfect_wrong_and_random_scores() -> None:
    y = np.array([1] * 10 + [0] * 90)
    assert lift(y, y.astype(float)) == 10.0
    assert lift(y, 1.0 - y) == 0.0
    assert lift(y, y.astype(float), share=0.5) == 2.0
    assert lift(y, y.astype(float), share=1.0) == 1.0


def test_lift_is_better_for_the_better_of_two_scores() -> None:
    y, p = drawn(np.random.default_rng(18), 10_000)
    noisy = expit(logit(p) + 2 * np.random.default_rng(19).normal(size=len(p)))
    assert lift(y, p) > lift(y, noisy) > 1 > lift(y, 1 - p)


def test_lift_counts_the_share_of_rows_it_was_asked_for() -> None:
    y, p = np.array([1, 0, 1, 0, 0, 0, 0, 0, 0, 0]), np.linspace(1, 0, 10)
    assert lift(y, p, share=0.1) == pytest.approx(1 / 0.2)
    assert lift(y, p, share=0.2) == pytest.approx(0.5 / 0.2)
    assert lift(y, p, share=0.3) == pytest.approx(2 / 3 / 0.2)
    assert lift(y[:3], p[:3], share=0.01) == pytest.approx(1 / (2 / 3))


@pytest.mark.parametrize(
    "p", [np.full(10, 0.3), np.repeat([0.9, 0.2], [4, 6])], ids=["constant", "two values"]
)
def test_lift_among_ties_does_not_depend_on_the_order_of_rows(p: Array) -> None:
    y = np.array([1, 0, 0, 1, 0, 0, 1, 0, 0, 0])
    order = np.array([1, 2, 0, 3, 5, 4, 8, 9, 6, 7])
    assert lift(y, p, share=0.2) == pytest.approx(lift(y[order], p[order], share=0.2))
    assert lift(y, np.full(10, 0.3), share=0.2) == pytest.approx(1)


def test_lift_without_a_leaver_is_unknown() -> None:
    assert np.isnan(lift(np.zeros(10), np.linspace(0, 1, 10)))


def test_no_measure_changes_its_arguments() -> None:
    y, p = drawn(np.random.default_rng(20), 100)
    q = p[::-1].copy()
    before = y.copy(), p.copy(), q.copy()
    auc(y, p), auc_difference(y, p, q), brier(y, p), brier_skill(y, p), calibration(y, p), lift(y, p)
    profit(y, p > 0.5, COSTS)
    for array, copy in zip((y, p, q), before, strict=True):
        np.testing.assert_array_equal(array, copy)
