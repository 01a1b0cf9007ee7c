"""Model versions, their evidence tags and aliases: the only module that knows MLflow.

A model is loaded only after its files match the digest in its version's tags, and only if it is made of
the types trusted here; the list that a model brings along is not believed.
"""

import hashlib
import logging
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import mlflow
import mlflow.sklearn
import pandas as pd
import skops.io
from mlflow.exceptions import MlflowException
from mlflow.models import Model as MLmodel
from mlflow.models import infer_signature
from mlflow.models.model import ModelInfo
from sklearn.model_selection import FixedThresholdClassifier

from churn.data.store import Store
from churn.errors import ConflictError, IntegrityError
from churn.governance.provenance import files_digest

CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous"

TRUSTED = [
    "numpy.dtype",
    "sklearn.compose._column_transformer._RemainderColsList",  # up to scikit-learn 1.6, the platform's
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
]

# MLflow writes this file beside the model when a version is read; it is not part of what was logged.
NOT_LOGGED = "registered_model_meta"


@dataclass(frozen=True)
class Version:
    """One registered model version and its tags."""

    number: int
    run: str
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Loaded:
    """A verified model with the input columns of its signature, name to type."""

    version: Version
    model: FixedThresholdClassifier
    inputs: Mapping[str, str]


class Registry:
    """The versions of one model in the store's registry."""

    def __init__(self, store: Store) -> None:
        logging.getLogger("mlflow").setLevel(logging.ERROR)
        self._client = mlflow.MlflowClient(store.tracking_uri, store.registry_uri)
        self._name = store.model_name
        self._store = store

    def register(
        self,
        model: FixedThresholdClassifier,
        example: pd.DataFrame,
        tags: Mapping[str, str],
        parameters: Mapping[str, Any],
        metrics: Mapping[str, float],
    ) -> Version:
        """Log and register a model, or return the version already made from the same inputs.

        ``tags["key"]`` is the digest of those inputs; an interrupted run with the same key is marked failed.
        """
        self._bind()
        found = self._find(tags["key"])
        if found:
            return found
        experiment = self._experiment()
        self._close_interrupted(experiment, tags["key"])
        with mlflow.start_run(experiment_id=experiment, tags=dict(tags)) as run:
            mlflow.log_params(dict(parameters))
            mlflow.log_metrics(dict(metrics))
            logged = _log(model, example)
        sealed = {
            **tags,
            "model_digest": _digest(Path(mlflow.artifacts.download_artifacts(logged.model_uri))),
        }
        self._ensure_model()
        made = self._client.create_model_version(
            self._name, logged.model_uri, run.info.run_id, tags=sealed, model_id=logged.model_id
        )
        return self.version(int(made.version))

    def version(self, number: int) -> Version:
        """The version with this number. Raises ConflictError when there is none."""
        try:
            found = self._client.get_model_version(self._name, str(number))
        except MlflowException as error:
            raise ConflictError(
                f"model {self._name} has no version {number}; 'churn train' makes one"
            ) from error
        return Version(int(found.version), str(found.run_id), dict(found.tags))

    def alias(self, alias: str) -> int | None:
        """The version number an alias points to, or None."""
        try:
            return int(self._client.get_model_version_by_alias(self._name, alias).version)
        except MlflowException as error:
            # No such model, or a model without this alias; anything else must not look like "no champion".
            if error.error_code in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
                return None
            raise

    def required(self, alias: str) -> int:
        """The version an alias points to. Raises ConflictError when nothing is there."""
        number = self.alias(alias)
        if number is None:
            advice = (
                "'churn train' makes a challenger"
                if alias == CHALLENGER
                else "'churn promote' makes a champion"
            )
            raise ConflictError(f"model {self._name} has no {alias}; {advice}")
        return number

    def point(self, alias: str, number: int) -> None:
        """Move an alias and read it back: registries offer no compare-and-set, and the last writer wins."""
        self._client.set_registered_model_alias(self._name, alias, str(number))
        found = self.alias(alias)
        if found != number:
            raise ConflictError(f"alias {alias} was set to version {number} but reads {found}; run again")

    def load(self, number: int) -> Loaded:
        """Verify and load a version. Raises IntegrityError, and runs nothing of it, when anything differs."""
        self._bind()
        version = self.version(number)
        folder = Path(mlflow.artifacts.download_artifacts(f"models:/{self._name}/{number}"))
        if _digest(folder) != version.tags.get("model_digest"):
            raise IntegrityError(
                f"the files of version {number} differ from the digest in its tags; do not use it"
            )
        described = MLmodel.load(str(folder))
        if described.flavors.get("sklearn", {}).get("serialization_format") != "skops":
            raise IntegrityError(f"version {number} is not stored as skops; only skops is loaded")
        return Loaded(version, _read_skops(folder / "model.skops", number), _inputs(described))

    def tag(self, number: int, tags: Mapping[str, str]) -> None:
        """Set tags of a version."""
        for key, value in tags.items():
            self._client.set_model_version_tag(self._name, str(number), key, value)

    def attach(self, version: Version, name: str, text: str) -> str:
        """Store a text with the version's run and return the SHA-256 that a tag should carry."""
        self._client.log_text(version.run, text, name)
        return hashlib.sha256(text.encode()).hexdigest()

    def attached(self, version: Version, name: str) -> str | None:
        """A text stored with the version's run, or None."""
        try:
            with tempfile.TemporaryDirectory() as folder:
                path = self._client.download_artifacts(version.run, name, folder)
                return Path(path).read_text(encoding="utf-8")
        except (MlflowException, OSError):
            return None

    def _bind(self) -> None:
        # MLflow's module-level functions use one address per process; another store may have set its own.
        mlflow.set_tracking_uri(self._store.tracking_uri)
        mlflow.set_registry_uri(self._store.registry_uri)

    def _experiment(self) -> str:
        found = self._client.get_experiment_by_name(self._store.experiment)
        if found:
            return str(found.experiment_id)
        return str(self._client.create_experiment(self._store.experiment, self._store.artifact_root))

    def _find(self, key: str) -> Version | None:
        found = self._client.search_model_versions(f"name='{self._name}'")
        numbers = [int(version.version) for version in found if version.tags.get("key") == key]
        return self.version(max(numbers)) if numbers else None

    def _close_interrupted(self, experiment: str, key: str) -> None:
        unfinished = f"attributes.status = 'RUNNING' and tags.key = '{key}'"
        for run in self._client.search_runs([experiment], unfinished):
            self._client.set_terminated(run.info.run_id, "FAILED")

    def _ensure_model(self) -> None:
        try:
            self._client.create_registered_model(self._name)
        except MlflowException as error:
            if error.error_code not in {"RESOURCE_ALREADY_EXISTS", "ALREADY_EXISTS"}:
                raise


def _log(model: FixedThresholdClassifier, example: pd.DataFrame) -> ModelInfo:
    info: ModelInfo = mlflow.sklearn.log_model(
        model,
        name="model",
        serialization_format="skops",
        skops_trusted_types=TRUSTED,
        signature=infer_signature(example, model.predict_proba(example)),
        input_example=example.head(5),
        pip_requirements=[
            f"{name}=={installed(name)}" for name in ("mlflow-skinny", "scikit-learn", "skops")
        ],
        pyfunc_predict_fn="predict_proba",
    )
    return info


def _digest(folder: Path) -> str:
    return files_digest(
        (path for path in folder.rglob("*") if path.is_file() and path.name != NOT_LOGGED), folder
    )


def _read_skops(path: Path, number: int) -> FixedThresholdClassifier:
    content = path.read_bytes()
    strange = sorted(set(skops.io.get_untrusted_types(data=content)) - set(TRUSTED))
    if strange:
        raise IntegrityError(f"version {number} holds types that are not trusted: {', '.join(strange)[:120]}")
    model = skops.io.loads(content, trusted=TRUSTED)
    if not isinstance(model, FixedThresholdClassifier):
        raise IntegrityError(f"version {number} is a {type(model).__name__}, not a model of this project")
    return model


def _inputs(described: MLmodel) -> dict[str, str]:
    schema = described.signature.inputs if described.signature else None
    return {column.name: column.type.name for column in schema.inputs} if schema else {}
