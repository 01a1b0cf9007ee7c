"""Stores for the tests: real MLflow on SQLite, real Delta tables, each test in a folder of its own."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # boosting is up to ten times slower when threads share cores

from churn.cli import QUIET

os.environ.update(QUIET)

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from churn.config import Config, load_config
from churn.data.store import LocalStore

MakeStore = Callable[[str], LocalStore]

PLAIN = ["model.estimator=logistic", "model.features=['tenure', 'contract', 'monthly_charges']"]
TODAY = date(2025, 6, 30)


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MLflow database after its migrations, which take seconds; copying it takes none."""
    import mlflow

    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    mlflow.MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def make_store(tmp_path: Path, migrated_database: Path) -> MakeStore:
    def make(name: str) -> LocalStore:
        store = LocalStore(tmp_path / name)
        shutil.copy(migrated_database, tmp_path / name / "mlflow.db")
        return store

    return make


@pytest.fixture
def store(make_store: MakeStore) -> LocalStore:
    return make_store("store")


@pytest.fixture
def config() -> Config:
    return load_config()


@pytest.fixture
def plain() -> Config:
    """A quick model: logistic, on three features."""
    return load_config(PLAIN)


@pytest.fixture
def sampled(store: LocalStore, config: Config) -> LocalStore:
    """A store with customers in it, enough for every gate to have an opinion."""
    from churn.steps.sample import sample

    sample(store, config, rows=9_000, months=13, seed=7, drift=0.0)
    return store
