"""Synthetic telco customers whose true churn effects are known.

Shares, tenures and charges resemble the public Telco Customer Churn file; none of its rows is used.
"""

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from churn.errors import UsageError

Codes = NDArray[np.intp]
Floats = NDArray[np.float64]
Texts = NDArray[np.object_]
Odds = tuple[tuple[float, float, float], float]

# What each term adds to the log-odds of churn; "column = value" is 1 where it holds, else 0.
INTERCEPT = -1.0
LOG_TENURE = "log(1 + tenure)"
SEASON = "sin(2 pi (month - 1) / 12)"  # highest in April, lowest in October
EFFECTS: Mapping[str, float] = {
    "contract = Month-to-month": 1.0,
    "contract = Two year": -0.7,
    "internet_service = Fiber optic": 0.5,
    "internet_service = No": -0.7,
    "contract = Month-to-month and internet_service = Fiber optic": 0.3,
    "online_security = Yes": -0.3,
    "tech_support = Yes": -0.3,
    "streaming_tv = Yes": 0.2,
    "streaming_movies = Yes": 0.2,
    "multiple_lines = Yes": 0.2,
    "paperless_billing = Yes": 0.3,
    "payment_method = Electronic check": 0.35,
    "senior_citizen = 1": 0.25,
    "dependents = Yes": -0.2,
    LOG_TENURE: -0.48,
    SEASON: 0.05,
}

# At full drift this effect is gone, and the odds of these values are so many times as high.
FADING = "contract = Month-to-month"
GROWING: Mapping[str, float] = {"Month-to-month": 2.5, "Fiber optic": 2.5, "Electronic check": 2.5}

# Money a month, give or take 1.75.
PRICES: Mapping[str, float] = {
    "phone_service = Yes": 20.0,
    "multiple_lines = Yes": 5.0,
    "internet_service = DSL": 25.0,
    "internet_service = Fiber optic": 50.0,
    "online_security = Yes": 5.0,
    "online_backup = Yes": 5.0,
    "device_protection = Yes": 5.0,
    "tech_support = Yes": 5.0,
    "streaming_tv = Yes": 10.0,
    "streaming_movies = Yes": 10.0,
}

# The population: shares and weights in the order of these values. Of weights, only the proportions count.
CONTRACTS = ("Month-to-month", "One year", "Two year")
INTERNETS = ("DSL", "Fiber optic", "No")
PAYMENTS = ("Electronic check", "Mailed check", "Bank transfer (automatic)", "Credit card (automatic)")
SENIOR, PARTNER, NEW = 0.16, 0.48, 0.005  # new: tenure 0, no invoice yet
DEPENDENTS_BY_SENIOR_AND_PARTNER = ((0.12, 0.59), (0.01, 0.15))
CONTRACT_BY_PARTNER = ((0.66, 0.19, 0.15), (0.37, 0.25, 0.38))
CONTRACT_BY_SENIOR = ((1.0, 1.0, 1.0), (2.0, 1.0, 0.8))
INTERNET_BY_CONTRACT = ((0.34, 0.49, 0.17), (0.41, 0.32, 0.27), (0.37, 0.23, 0.40))
INTERNET_BY_SENIOR = ((1.0, 1.0, 1.0), (1.0, 2.7, 0.3))
PAYMENT_BY_INTERNET = ((0.22, 0.25, 0.27, 0.26), (0.47, 0.08, 0.23, 0.22), (0.07, 0.47, 0.23, 0.23))
PAYMENT_BY_CONTRACT = ((1.6, 1.0, 0.6, 0.6), (0.7, 1.0, 1.2, 1.2), (0.3, 0.8, 1.4, 1.4))
PAPERLESS_BY_INTERNET = (0.55, 0.77, 0.29)
PHONE_BY_INTERNET = (0.72, 1.0, 1.0)
TENURE_BY_CONTRACT = (2.6, 0.71, 0.27)  # 72 months x uniform^this, on average 72 / (1 + this): 20, 42 and 57

# Log-odds of having an extra when new, by internet service, and what 72 months add to them.
LINES: Odds = ((-1.7, -0.7, -2.6), 2.5)
NEVER = -np.inf
EXTRAS: Mapping[str, Odds] = {
    "online_security": ((-1.3, -2.2, NEVER), 2.6),
    "online_backup": ((-1.5, -1.5, NEVER), 2.7),
    "device_protection": ((-1.6, -1.4, NEVER), 2.7),
    "tech_support": ((-1.3, -2.1, NEVER), 2.6),
    "streaming_tv": ((-1.5, -0.6, NEVER), 2.1),
    "streaming_movies": ((-1.5, -0.6, NEVER), 2.1),
}


def sample_customers(
    rows: int = 12_000, months: int = 15, seed: int = 7, drift: float = 0.0, first: date = date(2024, 1, 31)
) -> pd.DataFrame:
    """Draw ``rows`` customers, each once, as the text a CSV file would hold.

    They are spread evenly over ``months`` month ends, from the month of ``first`` on, and sorted by them. The
    label is drawn from churn_probability; in the last month it is not known yet, and blank. total_charges is
    blank where tenure is 0. The same arguments give the same frame.

    ``drift``, in [0, 1], moves two things linearly, from nothing in the first month to all of it in the last.
    At 1 the GROWING values spread (month-to-month from 55 to 74 % of customers, fiber from 44 to 68 %,
    electronic checks from 34 to 64 %) and the FADING effect ends at zero. At 0 all months share one
    distribution, but for the mild SEASON of the label.

    Raises UsageError when an argument is out of its range.
    """
    _check(rows, months, seed, drift, first)
    rng = np.random.default_rng(seed)
    month = np.arange(rows) * months // rows
    frame = pd.DataFrame({"customer_id": [f"C-{number:07d}" for number in range(1, rows + 1)]})
    frame["snapshot_date"] = _month_ends(first, months)[month]
    frame = frame.assign(**_customers(rng, drift * month / (months - 1)))
    frame = frame.assign(**_charges(rng, frame))
    churn = _words(_flip(rng, churn_probability(frame, drift)))
    churn[month == months - 1] = ""
    return frame.assign(churn=churn)


def churn_probability(frame: pd.DataFrame, drift: float = 0.0) -> Floats:
    """Compute the true probability of churn of each row of a sampled frame, shape (n,), in (0, 1).

    With ``drift``, the frame must hold every month of its sample: they say how far the effect has faded.
    Raises UsageError when it holds only one.
    """
    logit = INTERCEPT + _sum(frame, EFFECTS)
    if drift:
        month, dates = pd.factorize(frame["snapshot_date"], sort=True)
        if len(dates) < 2:
            raise UsageError(f"drift = {drift:g}: found one month, every month of the sample is needed")
        logit -= EFFECTS[FADING] * _term(frame, FADING) * drift * month / (len(dates) - 1)
    return expit(logit)


def _check(rows: int, months: int, seed: int, drift: float, first: date) -> None:
    last = first.year + (first.month + months - 2) // 12
    rules = {
        f"rows = {rows}: at least one a month is needed, {months} in all": rows >= months,
        f"months = {months}: at least 3 are needed, to train, to test and to score": months >= 3,
        f"seed = {seed}: 0 or more is needed": seed >= 0,
        f"drift = {drift:g}: 0 to 1 is needed": 0 <= drift <= 1,
        # pandas 2 counts time in nanoseconds, which reach from September 1677 to April 2262.
        f"months = {months} from {first}: years 1678 to 2261 are needed": first.year >= 1678 and last <= 2261,
    }
    broken = [rule for rule, kept in rules.items() if not kept]
    if broken:
        raise UsageError("; ".join(broken))


def _month_ends(first: date, months: int) -> Texts:
    following = np.datetime64(first, "M") + np.arange(1, months + 1)
    return np.datetime_as_string(following.astype("M8[D]") - 1).astype(object)


def _customers(rng: np.random.Generator, drifted: Floats) -> dict[str, Texts]:
    gender, senior, partner = (_flip(rng, np.full(len(drifted), share)) for share in (0.5, SENIOR, PARTNER))
    dependents = _flip(rng, _look_up(DEPENDENTS_BY_SENIOR_AND_PARTNER, senior, partner))
    weights = _look_up(CONTRACT_BY_PARTNER, partner) * _look_up(CONTRACT_BY_SENIOR, senior)
    contract = _choose(rng, CONTRACTS, weights, drifted)
    tenure = np.ceil(72 * rng.random(len(drifted)) ** _look_up(TENURE_BY_CONTRACT, contract))
    tenure[rng.random(len(drifted)) < NEW] = 0
    weights = _look_up(INTERNET_BY_CONTRACT, contract) * _look_up(INTERNET_BY_SENIOR, senior)
    internet = _choose(rng, INTERNETS, weights, drifted)
    weights = _look_up(PAYMENT_BY_INTERNET, internet) * _look_up(PAYMENT_BY_CONTRACT, contract)
    payment = _choose(rng, PAYMENTS, weights, drifted)
    return {
        "gender": _words(gender, ("Female", "Male")),
        "senior_citizen": _words(senior, ("0", "1")),
        "partner": _words(partner),
        "dependents": _words(dependents),
        "tenure": _words(tenure.astype(np.intp), [str(months) for months in range(73)]),
        **_services(rng, internet, tenure),
        "contract": _words(contract, CONTRACTS),
        "paperless_billing": _words(_flip(rng, _look_up(PAPERLESS_BY_INTERNET, internet))),
        "payment_method": _words(payment, PAYMENTS),
    }


def _services(rng: np.random.Generator, internet: Codes, tenure: Floats) -> dict[str, Texts]:
    phone = _flip(rng, _look_up(PHONE_BY_INTERNET, internet))
    lines = np.where(phone, _extra(rng, LINES, internet, tenure), 2)
    columns = {
        "phone_service": _words(phone),
        "multiple_lines": _words(lines, ("No", "Yes", "No phone service")),
        "internet_service": _words(internet, INTERNETS),
    }
    for name, odds in EXTRAS.items():
        extra = np.where(internet == INTERNETS.index("No"), 2, _extra(rng, odds, internet, tenure))
        columns[name] = _words(extra, ("No", "Yes", "No internet service"))
    return columns


def _extra(rng: np.random.Generator, odds: Odds, internet: Codes, tenure: Floats) -> Codes:
    when_new, rise = odds
    return _flip(rng, expit(_look_up(when_new, internet) + rise * tenure / 72))


def _charges(rng: np.random.Generator, frame: pd.DataFrame) -> dict[str, list[str]]:
    tenure = frame["tenure"].astype(float).to_numpy()
    monthly = (_sum(frame, PRICES) + rng.uniform(-1.75, 1.75, len(frame))).round(2)
    # Prices change over the years: all but the first invoice are within 5 % of today's price.
    paid = tenure * monthly * np.where(tenure > 1, rng.uniform(0.95, 1.05, len(frame)), 1.0)
    return {
        "monthly_charges": [f"{money:.2f}" for money in monthly.tolist()],
        "total_charges": [f"{money:.2f}" if money else "" for money in paid.tolist()],
    }


def _sum(frame: pd.DataFrame, weights: Mapping[str, float]) -> Floats:
    total = np.zeros(len(frame))
    for name, weight in weights.items():
        total += weight * _term(frame, name)
    return total


def _term(frame: pd.DataFrame, name: str) -> Floats:
    if name == LOG_TENURE:
        return np.log1p(frame["tenure"].astype(float).to_numpy())
    if name == SEASON:
        codes, dates = pd.factorize(frame["snapshot_date"])
        return np.sin(2 * np.pi * (pd.to_datetime(dates).month.to_numpy() - 1) / 12)[codes]
    holds = np.ones(len(frame))
    for condition in name.split(" and "):
        column, value = condition.split(" = ")
        holds *= (frame[column] == value).to_numpy(dtype=float)
    return holds


def _choose(rng: np.random.Generator, values: Sequence[str], weights: Floats, drifted: Floats) -> Codes:
    """Draw the code of one of the k values for each row, by ``weights`` (n, k) and how far it has drifted."""
    growth = np.log([GROWING.get(value, 1.0) for value in values])
    edges = (weights * np.exp(np.outer(drifted, growth))).cumsum(axis=1)
    drawn = rng.random(len(edges)) * edges[:, -1]
    codes: Codes = (drawn[:, np.newaxis] >= edges[:, :-1]).sum(axis=1)
    return codes


def _flip(rng: np.random.Generator, shares: Floats) -> Codes:
    return (rng.random(len(shares)) < shares).astype(np.intp)


def _look_up(table: ArrayLike, *codes: Codes) -> Floats:
    return np.asarray(table, dtype=float)[codes]


def _words(codes: Codes, values: Sequence[str] = ("No", "Yes")) -> Texts:
    return np.array(values, dtype=object)[codes]
