"""The sampled customers look like the declared problem, and churn by the stated effects."""

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import chi2_contingency, rankdata

from churn.config import load_config
from churn.data.sample import EFFECTS, FADING, PRICES, SEASON, churn_probability, sample_customers
from churn.errors import UsageError

PROBLEM = load_config().problem
INTERNET_EXTRAS = (
    "online_security",
    "online_backup",
    "device_protection",
    "tech_support",
    "streaming_tv",
    "streaming_movies",
)


@pytest.fixture(scope="module")
def customers() -> pd.DataFrame:
    """50,000 customers without drift."""
    return sample_customers(50_000)


@pytest.fixture(scope="module")
def drifting() -> pd.DataFrame:
    """10,000 customers in each of five months at full drift."""
    return sample_customers(50_000, months=5, drift=1.0)


def labelled(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["churn"] != ""]


def churned(frame: pd.DataFrame) -> NDArray[np.bool_]:
    return (frame["churn"] == "Yes").to_numpy(dtype=bool)


def numbers(frame: pd.DataFrame, column: str) -> NDArray[np.float64]:
    return frame[column].to_numpy(dtype=str).astype(np.float64)


def auc(event: NDArray[np.bool_], score: NDArray[np.float64]) -> float:
    ranks, events = rankdata(score), int(event.sum())
    return float((ranks[event].sum() - events * (events + 1) / 2) / (events * (len(event) - events)))


def share(frame: pd.DataFrame, column: str, value: str) -> float:
    return float((frame[column] == value).mean())


def month(frame: pd.DataFrame, position: int) -> pd.DataFrame:
    date_of_it = str(sorted(frame["snapshot_date"].unique())[position])
    return frame[frame["snapshot_date"] == date_of_it]


def test_columns_are_those_of_the_problem_in_its_order(customers: pd.DataFrame) -> None:
    expected = [PROBLEM.entity, PROBLEM.snapshot, *PROBLEM.columns, PROBLEM.label.column]
    assert list(customers.columns) == expected


def test_every_declared_value_occurs_and_no_other(customers: pd.DataFrame) -> None:
    for name, column in PROBLEM.columns.items():
        found = set(customers[name])
        if column.kind == "category":
            assert found == set(column.values), name
        if column.kind == "flag":
            assert found == ({"0", "1"} if name == "senior_citizen" else {"Yes", "No"}), name
    assert set(customers["churn"]) == {PROBLEM.label.positive, PROBLEM.label.negative, ""}


@pytest.mark.parametrize(
    ("name", "pattern"),
    [("tenure", r"\d+"), ("monthly_charges", r"\d+\.\d\d"), ("total_charges", r"\d+\.\d\d")],
)
def test_numbers_are_text_within_their_declared_range(
    customers: pd.DataFrame, name: str, pattern: str
) -> None:
    declared = PROBLEM.columns[name]
    written = customers.loc[customers[name] != "", name]
    assert declared.missing or len(written) == len(customers)
    assert written.str.fullmatch(pattern).all()
    assert declared.min is not None
    assert declared.max is not None
    assert written.astype(float).between(declared.min, declared.max).all()


def test_each_row_is_another_customer(customers: pd.DataFrame) -> None:
    assert customers["customer_id"].is_unique
    assert customers["customer_id"].str.fullmatch(r"C-\d{7}").all()
    assert customers["customer_id"].iloc[41] == "C-0000042"


def test_rows_are_spread_evenly_over_sorted_months() -> None:
    frame = sample_customers(1_000, months=15)
    assert frame["snapshot_date"].is_monotonic_increasing
    assert set(frame["snapshot_date"].value_counts()) == {66, 67}
    assert frame["snapshot_date"].nunique() == 15


def test_months_end_on_their_last_day_from_the_month_of_the_first_date_on() -> None:
    frame = sample_customers(4, months=4, first=date(2023, 12, 5))
    assert frame["snapshot_date"].tolist() == ["2023-12-31", "2024-01-31", "2024-02-29", "2024-03-31"]


def test_without_a_phone_there_are_no_lines(customers: pd.DataFrame) -> None:
    without = customers["phone_service"] == "No"
    assert without.any()
    assert (without == (customers["multiple_lines"] == "No phone service")).all()


@pytest.mark.parametrize("extra", INTERNET_EXTRAS)
def test_without_internet_there_are_no_extras(customers: pd.DataFrame, extra: str) -> None:
    without = customers["internet_service"] == "No"
    assert without.any()
    assert (without == (customers[extra] == "No internet service")).all()


def test_nobody_has_neither_phone_nor_internet(customers: pd.DataFrame) -> None:
    assert not ((customers["phone_service"] == "No") & (customers["internet_service"] == "No")).any()


def test_total_charges_are_blank_exactly_for_new_customers(customers: pd.DataFrame) -> None:
    new = customers["tenure"] == "0"
    assert 0.003 < new.mean() < 0.007
    assert (new == (customers["total_charges"] == "")).all()


def test_total_charges_are_about_tenure_times_monthly_charges(customers: pd.DataFrame) -> None:
    paying = customers[customers["tenure"] != "0"]
    ratio = numbers(paying, "total_charges") / numbers(paying, "tenure") / numbers(paying, "monthly_charges")
    assert np.abs(ratio - 1).max() < 0.051
    assert ratio.std() > 0.01
    first = paying[paying["tenure"] == "1"]
    assert len(first) > 1_000
    assert (first["total_charges"] == first["monthly_charges"]).all()


def test_monthly_charges_are_built_up_from_services(customers: pd.DataFrame) -> None:
    terms = [name.split(" = ") for name in PRICES]
    services = np.column_stack([customers[column] == value for column, value in terms]).astype(float)
    charges = numbers(customers, "monthly_charges")
    assert np.abs(charges - services @ np.array(list(PRICES.values()))).max() < 1.76
    prices, *_ = np.linalg.lstsq(services, charges)
    assert np.abs(prices - np.array(list(PRICES.values()))).max() < 0.1
    assert PRICES["internet_service = Fiber optic"] - PRICES["internet_service = DSL"] == 25


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("gender", "Male", 0.505),
        ("senior_citizen", "1", 0.162),
        ("partner", "Yes", 0.483),
        ("dependents", "Yes", 0.300),
        ("phone_service", "Yes", 0.903),
        ("multiple_lines", "Yes", 0.422),
        ("internet_service", "DSL", 0.344),
        ("internet_service", "Fiber optic", 0.440),
        ("contract", "Month-to-month", 0.550),
        ("contract", "Two year", 0.241),
        ("paperless_billing", "Yes", 0.592),
        ("payment_method", "Electronic check", 0.336),
        ("payment_method", "Mailed check", 0.229),
        ("online_security", "Yes", 0.287),
        ("streaming_tv", "Yes", 0.384),
    ],
)
def test_shares_are_within_3_points_of_the_public_file(
    customers: pd.DataFrame, column: str, value: str, expected: float
) -> None:
    assert share(customers, column, value) == pytest.approx(expected, abs=0.03)


@pytest.mark.parametrize(
    ("contract", "months", "churn"),
    [("Month-to-month", 18.0, 0.427), ("One year", 42.0, 0.113), ("Two year", 56.7, 0.028)],
)
def test_longer_contracts_last_longer_and_churn_less_as_in_the_public_file(
    customers: pd.DataFrame, contract: str, months: float, churn: float
) -> None:
    signed = labelled(customers[customers["contract"] == contract])
    assert numbers(signed, "tenure").mean() == pytest.approx(months, abs=3)
    assert churned(signed).mean() == pytest.approx(churn, abs=0.03)


def test_about_26_percent_churn_at_the_defaults() -> None:
    assert 0.25 < churned(labelled(sample_customers())).mean() < 0.27


def test_the_true_probability_ranks_labels_with_an_auc_of_about_0_845(customers: pd.DataFrame) -> None:
    known = labelled(customers)
    assert 0.84 < auc(churned(known), churn_probability(known)) < 0.85


def test_labels_follow_the_true_probability_in_every_tenth(customers: pd.DataFrame) -> None:
    known = labelled(customers)
    probability = churn_probability(known)
    for rows in np.array_split(np.argsort(probability), 10):
        expected = probability[rows]
        noise = np.sqrt((expected * (1 - expected)).sum()) / len(rows)
        assert abs(churned(known)[rows].mean() - expected.mean()) < 4 * noise


def design(frame: pd.DataFrame) -> dict[str, NDArray[Any]]:
    """Write out the terms of EFFECTS a second time."""
    monthly, fiber = frame["contract"] == "Month-to-month", frame["internet_service"] == "Fiber optic"
    season = np.sin((pd.to_datetime(frame["snapshot_date"]).dt.month - 1) * np.pi / 6)
    terms = {
        "contract = Month-to-month": monthly,
        "contract = Two year": frame["contract"] == "Two year",
        "internet_service = Fiber optic": fiber,
        "internet_service = No": frame["internet_service"] == "No",
        "contract = Month-to-month and internet_service = Fiber optic": monthly & fiber,
        "online_security = Yes": frame["online_security"] == "Yes",
        "tech_support = Yes": frame["tech_support"] == "Yes",
        "streaming_tv = Yes": frame["streaming_tv"] == "Yes",
        "streaming_movies = Yes": frame["streaming_movies"] == "Yes",
        "multiple_lines = Yes": frame["multiple_lines"] == "Yes",
        "paperless_billing = Yes": frame["paperless_billing"] == "Yes",
        "payment_method = Electronic check": frame["payment_method"] == "Electronic check",
        "senior_citizen = 1": frame["senior_citizen"] == "1",
        "dependents = Yes": frame["dependents"] == "Yes",
        "log(1 + tenure)": np.log1p(numbers(frame, "tenure")),
        "sin(2 pi (month - 1) / 12)": season,
    }
    return {name: np.asarray(term, dtype=float) for name, term in terms.items()}


def fit_logistic(
    x: NDArray[np.float64], y: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Maximum likelihood by Newton steps: effects and their standard errors, each of shape (columns,)."""
    effects = np.zeros(x.shape[1])
    for _ in range(12):
        probability = expit(x @ effects)
        information = (x * (probability * (1 - probability))[:, np.newaxis]).T @ x
        effects += np.linalg.solve(information, x.T @ (y - probability))
    return effects, np.sqrt(np.diag(np.linalg.inv(information)))


def test_a_fitted_logistic_recovers_the_sign_and_size_of_every_stated_effect(customers: pd.DataFrame) -> None:
    known = labelled(customers)
    terms = design(known)
    assert list(terms) == list(EFFECTS)
    x = np.column_stack([*terms.values(), np.ones(len(known))])
    fitted, errors = fit_logistic(x, churned(known))
    for name, effect, error in zip(terms, fitted, errors, strict=False):
        assert abs(effect - EFFECTS[name]) < 4 * error, name
        assert np.sign(effect) == np.sign(EFFECTS[name]) or name == SEASON, name
    assert errors.max() < 0.1


def test_odds_peak_in_april_and_are_lowest_in_october(customers: pd.DataFrame) -> None:
    april = customers.head(100).assign(snapshot_date="2024-04-30")
    october = april.assign(snapshot_date="2024-10-31")
    difference = logit(churn_probability(april)) - logit(churn_probability(october))
    assert difference == pytest.approx(np.full(100, 0.1))


def test_only_the_last_month_has_no_labels(customers: pd.DataFrame) -> None:
    unknown = customers["churn"] == ""
    assert (unknown == (customers["snapshot_date"] == "2025-03-31")).all()
    assert unknown.any()


def test_the_same_arguments_give_the_same_bytes() -> None:
    first, second = (sample_customers(2_000, seed=11, drift=0.3) for _ in range(2))
    assert first.to_csv() == second.to_csv()
    pd.testing.assert_frame_equal(first, second)


def test_another_seed_changes_every_column_but_id_and_date() -> None:
    first, second = sample_customers(2_000, seed=11), sample_customers(2_000, seed=12)
    same = [name for name in first.columns if first[name].equals(second[name])]
    assert same == ["customer_id", "snapshot_date"]


def test_computing_probabilities_leaves_the_frame_alone() -> None:
    frame = sample_customers(1_000, drift=1.0)
    before = frame.copy(deep=True)
    churn_probability(frame, drift=1.0)
    pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize("column", ["contract", "internet_service", "payment_method", "senior_citizen"])
def test_without_drift_months_are_alike(customers: pd.DataFrame, column: str) -> None:
    table = pd.crosstab(customers["snapshot_date"], customers[column])
    assert table.shape[0] == 15
    assert chi2_contingency(table).pvalue > 0.001


def test_without_drift_months_churn_alike_but_for_the_season(customers: pd.DataFrame) -> None:
    rates = labelled(customers).groupby("snapshot_date")["churn"].agg(lambda churn: (churn == "Yes").mean())
    assert len(rates) == 14
    # The season moves a rate by 0.7 points; four standard errors of 3,333 rows are 3.
    assert rates.between(0.26 - 0.037, 0.26 + 0.037).all()


@pytest.mark.parametrize(
    ("column", "value", "begins", "ends"),
    [
        ("contract", "Month-to-month", 0.55, 0.74),
        ("internet_service", "Fiber optic", 0.44, 0.68),
        ("payment_method", "Electronic check", 0.34, 0.64),
    ],
)
def test_full_drift_moves_the_mix_by_the_stated_amounts(
    drifting: pd.DataFrame, column: str, value: str, begins: float, ends: float
) -> None:
    shares = [share(month(drifting, position), column, value) for position in range(5)]
    assert shares[0] == pytest.approx(begins, abs=0.02)
    assert shares[4] == pytest.approx(ends, abs=0.02)
    assert shares == sorted(shares)


def test_drift_is_linear_in_the_months_and_in_its_argument(drifting: pd.DataFrame) -> None:
    halfway, half = month(drifting, 2), month(sample_customers(50_000, months=5, seed=8, drift=0.5), 4)
    for column, value in (("contract", "Month-to-month"), ("payment_method", "Electronic check")):
        assert share(halfway, column, value) == pytest.approx(share(half, column, value), abs=0.02)


def test_drift_fades_one_effect_to_nothing(drifting: pd.DataFrame) -> None:
    lost = logit(churn_probability(drifting)) - logit(churn_probability(drifting, drift=1.0))
    position = drifting["snapshot_date"].rank(method="dense").to_numpy() - 1
    holds = (drifting["contract"] == "Month-to-month").to_numpy(dtype=float)
    assert FADING == "contract = Month-to-month"
    assert lost == pytest.approx(EFFECTS[FADING] * holds * position / 4, abs=1e-9)


def test_a_probability_does_not_depend_on_the_order_of_rows(drifting: pd.DataFrame) -> None:
    backwards = churn_probability(drifting[::-1], drift=1.0)[::-1]
    assert np.array_equal(backwards, churn_probability(drifting, drift=1.0))


def test_labels_follow_the_drifted_probability(drifting: pd.DataFrame) -> None:
    known = (drifting["churn"] != "").to_numpy(dtype=bool)
    expected = churn_probability(drifting, drift=1.0)[known].mean()
    assert churned(drifting[known]).mean() == pytest.approx(expected, abs=0.009)  # 4 standard errors


def test_drift_makes_an_old_model_predict_a_third_too_much_churn(drifting: pd.DataFrame) -> None:
    ratios = []
    for position in (0, 3):
        rows = month(drifting, position)
        ratios.append(churn_probability(rows).mean() / churned(rows).mean())
    assert ratios[0] == pytest.approx(1, abs=0.06)
    assert ratios[1] > 4 / 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rows": 14}, "rows = 14: at least one a month is needed, 15 in all"),
        ({"months": 2}, "months = 2: at least 3 are needed, to train, to test and to score"),
        ({"seed": -1}, "seed = -1: 0 or more is needed"),
        ({"drift": 1.01}, "drift = 1.01: 0 to 1 is needed"),
        ({"drift": -0.5}, "drift = -0.5: 0 to 1 is needed"),
        ({"drift": float("nan")}, "drift = nan: 0 to 1 is needed"),
        ({"months": 2857}, "months = 2857 from 2024-01-31: years 1678 to 2261 are needed"),
        ({"first": date(1677, 12, 31)}, "months = 15 from 1677-12-31: years 1678 to 2261 are needed"),
        ({"seed": -1, "drift": 2}, "seed = -1: 0 or more is needed; drift = 2: 0 to 1 is needed"),
    ],
)
def test_arguments_out_of_range_are_refused_in_one_line(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as refused:
        sample_customers(**arguments)
    assert str(refused.value) == message


def test_arguments_at_the_edge_of_their_range_are_accepted() -> None:
    assert len(sample_customers(3, months=3, seed=0, drift=1.0)) == 3
    assert sample_customers(2856, months=2856)["snapshot_date"].iloc[-1] == "2261-12-31"


def test_a_faded_effect_cannot_be_computed_from_one_month(drifting: pd.DataFrame) -> None:
    with pytest.raises(UsageError) as refused:
        churn_probability(month(drifting, 4), drift=1.0)
    assert str(refused.value) == "drift = 1: found one month, every month of the sample is needed"
