"""Evidence made by hand: labels drawn from known probabilities, so that an honest challenger is known."""

import functools
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from churn.config import load_config
from churn.data.contract import apply_contract
from churn.data.sample import churn_probability, sample_customers
from churn.governance.gates import Candidate, Evidence

INPUTS = {"tenure": "double", "contract": "string", "monthly_charges": "double"}


@functools.cache
def population() -> tuple[pd.DataFrame, np.ndarray]:
    """Canonical labelled customers and their true probabilities of leaving."""
    raw = sample_customers(rows=12_000, months=12, seed=11)
    raw = raw[raw["churn"] != ""].reset_index(drop=True)
    return apply_contract(raw, load_config().problem).accepted, churn_probability(raw)


def honest(rows: int = 2_400, champion: bool = True, inputs: Mapping[str, str] = INPUTS) -> Evidence:
    """Evidence for a challenger that knows the truth, with ``rows`` of holdout."""
    customers, truth = population()
    holdout, p = customers.iloc[:rows].reset_index(drop=True), truth[:rows]
    return Evidence(
        config=load_config(),
        training=customers.iloc[rows:],
        holdout=holdout,
        labels=holdout["churn"].astype(int).to_numpy(),
        challenger=Candidate(2, inputs, p),
        champion=Candidate(1, inputs, p) if champion else None,
    )


def with_scores(evidence: Evidence, p: np.ndarray) -> Evidence:
    """The same evidence for a challenger with other probabilities."""
    return replace(evidence, challenger=replace(evidence.challenger, probabilities=p))
