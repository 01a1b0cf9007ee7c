import shutil
from collections.abc import Callable
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier

from churn.data.store import LocalStore
from churn.errors import ConflictError, IntegrityError
from churn.governance.registry import CHALLENGER, CHAMPION, Registry, Version


class Stranger(LogisticRegression):  # type: ignore[misc]
    """A class that only its author knows."""


X = pd.DataFrame({"tenure": np.arange(40.0), "contract": np.arange(40.0) % 3})
Y = (np.arange(40) % 2).astype(int)


def fitted(threshold: float = 0.3) -> FixedThresholdClassifier:
    return FixedThresholdClassifier(LogisticRegression(), threshold=threshold).fit(X, Y)


def register(registry: Registry, key: str = "k1", model: FixedThresholdClassifier | None = None) -> Version:
    return registry.register(model or fitted(), X, {"key": key, "seed": "1"}, {"C": 1.0}, {"auc": 0.8})


def files_of(store: LocalStore, version: Version) -> Path:
    """The folder of a version's files, whose contents a hostile hand may change."""
    Registry(store)._bind()
    return Path(mlflow.artifacts.download_artifacts(f"models:/churn/{version.number}"))


def test_a_registered_model_is_loaded_as_it_was(store: LocalStore) -> None:
    registry = Registry(store)
    version = register(registry)
    loaded = registry.load(version.number)
    np.testing.assert_array_equal(loaded.model.predict_proba(X), fitted().predict_proba(X))
    assert loaded.model.threshold == 0.3
    assert dict(loaded.inputs) == {"tenure": "double", "contract": "double"}
    assert {"key", "seed", "model_digest"} <= set(loaded.version.tags)


def test_the_same_key_gives_the_same_version(store: LocalStore) -> None:
    registry = Registry(store)
    assert register(registry).number == register(registry).number
    assert register(registry, "k2").number != register(registry).number


def test_an_interrupted_run_is_marked_failed_by_the_next(store: LocalStore) -> None:
    registry = Registry(store)
    experiment = registry._experiment()
    interrupted = registry._client.create_run(experiment, tags={"key": "k1"}).info.run_id
    of_another_key = registry._client.create_run(experiment, tags={"key": "k2"}).info.run_id
    register(registry)
    assert registry._client.get_run(interrupted).info.status == "FAILED"
    assert registry._client.get_run(of_another_key).info.status == "RUNNING"


def flip_byte(folder: Path) -> None:
    content = bytearray((folder / "model.skops").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "model.skops").write_bytes(content)


def edit_description(folder: Path) -> None:
    described = (folder / "MLmodel").read_text()
    (folder / "MLmodel").write_text(
        described.replace("serialization_format: skops", "serialization_format: pickle")
    )


def add_file(folder: Path) -> None:
    (folder / "extra.py").write_text("raise SystemExit")


def remove_file(folder: Path) -> None:
    (folder / "requirements.txt").unlink()


@pytest.mark.parametrize("change", [flip_byte, edit_description, add_file, remove_file])
def test_changed_files_are_not_loaded(store: LocalStore, change: Callable[[Path], None]) -> None:
    registry = Registry(store)
    version = register(registry)
    change(files_of(store, version))
    with pytest.raises(IntegrityError, match="differ from the digest"):
        registry.load(version.number)


def test_a_pickle_is_not_loaded_even_when_its_digest_fits(store: LocalStore) -> None:
    registry = Registry(store)
    version = register(registry)
    edit_description(files_of(store, version))
    reseal(registry, store, version)
    with pytest.raises(IntegrityError, match="only skops is loaded"):
        registry.load(version.number)


def test_types_that_the_artifact_trusts_but_we_do_not_are_refused(store: LocalStore) -> None:
    registry = Registry(store)
    version = register(registry)
    strange = FixedThresholdClassifier(Stranger(), threshold=0.3).fit(X, Y)
    skops.io.dump(strange, files_of(store, version) / "model.skops")
    reseal(registry, store, version)
    with pytest.raises(IntegrityError, match=r"not trusted: .*Stranger"):
        registry.load(version.number)


def test_something_that_is_no_model_of_ours_is_refused(store: LocalStore) -> None:
    registry = Registry(store)
    version = register(registry)
    skops.io.dump(DummyClassifier().fit(X, Y), files_of(store, version) / "model.skops")
    reseal(registry, store, version)
    with pytest.raises(IntegrityError, match="is a DummyClassifier"):
        registry.load(version.number)


def reseal(registry: Registry, store: LocalStore, version: Version) -> None:
    """A thief who can write tags makes the digest fit the changed files."""
    from churn.governance.registry import _digest

    registry.tag(version.number, {"model_digest": _digest(files_of(store, version))})


def test_a_version_whose_digest_is_gone_is_not_loaded(store: LocalStore) -> None:
    registry = Registry(store)
    version = register(registry)
    registry._client.delete_model_version_tag("churn", str(version.number), "model_digest")
    with pytest.raises(IntegrityError):
        registry.load(version.number)


def test_aliases_move_and_are_read_back(store: LocalStore) -> None:
    registry = Registry(store)
    assert registry.alias(CHAMPION) is None
    first, second = register(registry, "k1").number, register(registry, "k2").number
    assert registry.alias(CHAMPION) is None
    registry.point(CHAMPION, first)
    registry.point(CHAMPION, second)
    assert registry.alias(CHAMPION) == second


def test_an_alias_that_does_not_stick_is_a_conflict(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = Registry(store)
    first = register(registry).number
    monkeypatch.setattr(registry._client, "set_registered_model_alias", lambda *_: None)
    with pytest.raises(ConflictError, match="run again"):
        registry.point(CHAMPION, first)


def test_a_missing_version_or_alias_says_what_to_do(store: LocalStore) -> None:
    registry = Registry(store)
    with pytest.raises(ConflictError, match="no challenger; 'churn train'"):
        registry.required(CHALLENGER)
    with pytest.raises(ConflictError, match="no champion; 'churn promote'"):
        registry.required(CHAMPION)
    with pytest.raises(ConflictError, match="no version 7"):
        registry.version(7)


def test_texts_are_attached_and_read(store: LocalStore) -> None:
    registry = Registry(store)
    version = register(registry)
    assert registry.attached(version, "note.txt") is None
    first, second = registry.attach(version, "note.txt", "one"), registry.attach(version, "note.txt", "two")
    assert first != second
    assert registry.attached(version, "note.txt") == "two"


def test_two_stores_in_one_process_keep_apart(make_store: Callable[[str], LocalStore]) -> None:
    staging, production = Registry(make_store("staging")), Registry(make_store("production"))
    register(staging)
    other = register(production, "k2", fitted(0.7))
    assert staging.load(1).model.threshold == 0.3
    assert production.load(other.number).model.threshold == 0.7


def test_models_survive_the_loss_of_every_other_model(store: LocalStore) -> None:
    registry = Registry(store)
    first, second = register(registry, "k1"), register(registry, "k2")
    shutil.rmtree(files_of(store, second))
    assert registry.load(first.number).version.number == first.number
