"""What a version was made from, written once at training and recomputed by whoever judges it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import pandas as pd

from churn.config import Config, digest
from churn.data.contract import apply_contract
from churn.data.dataset import Split, fingerprint, mature, split_holdout
from churn.data.intake import CUSTOMERS
from churn.data.store import Store
from churn.errors import IntegrityError
from churn.governance.gates import Candidate, Evidence
from churn.governance.provenance import Code
from churn.governance.registry import CHAMPION, Loaded, Registry
from churn.modelling.features import feature_frame, label_array
from churn.modelling.model import probabilities


@dataclass(frozen=True)
class TrainingData:
    """Mature rows of one table version, parted by rule; rejected rows are those the contract refused."""

    table_version: int
    as_of: date
    waiting: int
    rejected: pd.DataFrame
    split: Split


def training_data(store: Store, config: Config, as_of: date, version: int | None = None) -> TrainingData:
    """Read a version of the customers table (the newest by default), through the contract, and split it.

    The same version and date give the same rows. Raises DataError when the contract refuses the table.
    """
    version = store.version(CUSTOMERS) if version is None else version
    outcome = apply_contract(store.read(CUSTOMERS, version=version), config.problem)
    known = mature(outcome.accepted, config.problem, as_of)
    split = split_holdout(known, config.problem, config.gates.holdout.share)
    return TrainingData(version, as_of, len(outcome.accepted) - len(known), outcome.rejected, split)


def evidence_tags(data: TrainingData, config: Config, code: Code) -> dict[str, str]:
    """The evidence a version carries; ``key`` is its digest: the same inputs are the same version."""
    split = data.split
    tags = {
        "table_version": str(data.table_version),
        "as_of": data.as_of.isoformat(),
        "data_fingerprint": fingerprint(pd.concat([split.training, split.holdout])),
        "training_rows": str(len(split.training)),
        "holdout_rule": split.rule,
        "holdout_rows": str(len(split.holdout)),
        "holdout_digest": fingerprint(split.holdout),
        "contract_digest": digest(config.problem),
        "model_config_digest": digest(config.model),
        "seed": str(config.model.seed),
        "commit": code.commit,
        "dirty": str(code.dirty).lower(),
        "lock_digest": code.lock_digest,
        "code_digest": code.code_digest,
    }
    # The same data on another day is the same data.
    inputs = {name: value for name, value in tags.items() if name not in {"as_of", "dirty"}}
    return {**tags, "key": hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()}


def recorded_data(store: Store, config: Config, tags: Mapping[str, str]) -> TrainingData:
    """The rows a version was trained and held out on, read again.

    Raises IntegrityError when they are not the rows that its tags speak of.
    """
    data = training_data(store, config, date.fromisoformat(tags["as_of"]), int(tags["table_version"]))
    if fingerprint(data.split.holdout) != tags["holdout_digest"]:
        raise IntegrityError(
            "the holdout is not the one set aside at training; data or split rule changed: train again"
        )
    return data


def gather(store: Store, registry: Registry, config: Config, number: int) -> Evidence:
    """Everything the gates look at for a version, with the champion scored on the same holdout rows."""
    challenger = registry.load(number)
    split = recorded_data(store, config, challenger.version.tags).split
    champion = registry.alias(CHAMPION)
    return Evidence(
        config=config,
        training=split.training,
        holdout=split.holdout,
        labels=label_array(split.holdout, config.problem),
        challenger=candidate(challenger, split.holdout, config),
        champion=None
        if champion in {None, number}
        else candidate(registry.load(champion), split.holdout, config),
    )


def candidate(loaded: Loaded, holdout: pd.DataFrame, config: Config) -> Candidate:
    """A loaded version and its probabilities on the holdout rows."""
    X = feature_frame(holdout, tuple(loaded.inputs), config.problem)
    return Candidate(loaded.version.number, loaded.inputs, probabilities(loaded.model, X))
