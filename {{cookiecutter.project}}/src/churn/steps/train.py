"""Mature snapshots → fit → calibrate → register, with evidence, as challenger."""

from dataclasses import dataclass
from datetime import date

from churn.config import Config
from churn.data.intake import quarantine
from churn.data.store import Store
from churn.governance.evidence import TrainingData, evidence_tags, training_data
from churn.governance.provenance import code_state
from churn.governance.registry import CHALLENGER, Registry
from churn.modelling import metrics
from churn.modelling.features import feature_frame, label_array
from churn.modelling.model import fit, parameters, probabilities


@dataclass(frozen=True)
class Trained:
    """The facts of a training run."""

    rows: int
    waiting: int
    quarantined: int
    features: int
    holdout: str
    auc: float
    brier: float
    version: int

    def __str__(self) -> str:
        waiting = f", {self.waiting} waiting for their label" if self.waiting else ""
        waiting += f", {self.quarantined} quarantined" if self.quarantined else ""
        return (
            f"{self.rows} rows{waiting}, {self.features} features, holdout {self.holdout}, "
            f"AUC {self.auc:.3f}, Brier {self.brier:.4f}, version {self.version}"
        )


def train(store: Store, config: Config, as_of: date) -> Trained:
    """Fit on the training rows and register the model as challenger; holdout rows only measure it.

    The same rows, configuration and code give the version that they gave before.
    """
    data = training_data(store, config, as_of)
    quarantine(store, config.problem, data.rejected, f"train customers version {data.table_version}")
    X = feature_frame(data.split.training, config.features, config.problem)
    model = fit(X, label_array(data.split.training, config.problem), config)
    held = feature_frame(data.split.holdout, config.features, config.problem)
    y, p = label_array(data.split.holdout, config.problem), probabilities(model, held)
    measured = {"holdout_auc": metrics.auc(y, p).value, "holdout_brier": metrics.brier(y, p)}
    registry = Registry(store)
    tags = evidence_tags(data, config, code_state())
    version = registry.register(model, X.head(100), tags, parameters(config), measured)
    registry.point(CHALLENGER, version.number)
    return _facts(data, config, measured, version.number)


def _facts(data: TrainingData, config: Config, measured: dict[str, float], version: int) -> Trained:
    return Trained(
        rows=len(data.split.training),
        waiting=data.waiting,
        quarantined=len(data.rejected),
        features=len(config.features),
        holdout=f"{data.split.rule} ({len(data.split.holdout)} rows)",
        auc=measured["holdout_auc"],
        brier=measured["holdout_brier"],
        version=version,
    )
