"""Every step is killed before each of its writes and after the last, then run again: it must be finished.

A kill is an exception that no code may catch, raised around the calls that leave a trace: the store's
writes and MLflow's.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import TODAY, MakeStore
from mlflow import MlflowClient

from churn.config import Config, load_config
from churn.data.store import LocalStore
from churn.governance import ledger
from churn.governance.registry import CHALLENGER, CHAMPION, Registry
from churn.steps.promote import promote
from churn.steps.rollback import rollback
from churn.steps.sample import sample
from churn.steps.score import PREDICTIONS, score
from churn.steps.train import train
from churn.steps.validate import validate

WRITES = (
    "create_experiment",
    "create_run",
    "log_batch",
    "create_registered_model",
    "create_model_version",
    "set_registered_model_alias",
    "set_model_version_tag",
    "log_text",
    "set_terminated",
)


class KilledError(BaseException):
    """Not an Exception, so that nothing in the product can take it for a failure to handle."""


@dataclass
class Killer:
    """Kills before the n-th write; nothing happens between the end of one and the beginning of the next."""

    at: int
    moment: int = 0
    armed: bool = True

    def tick(self) -> None:
        self.moment += 1
        if self.armed and self.moment == self.at:
            self.armed = False
            raise KilledError

    def around(self, write: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **named: Any) -> Any:
            self.tick()
            return write(*arguments, **named)

        return wrapped


@contextlib.contextmanager
def killing(at: int) -> Iterator[Killer]:
    killer = Killer(at)
    with pytest.MonkeyPatch.context() as patch:
        for name in WRITES:
            patch.setattr(MlflowClient, name, killer.around(getattr(MlflowClient, name)))
        patch.setattr(LocalStore, "write", killer.around(LocalStore.write))
        yield killer


@dataclass(frozen=True)
class Life:
    """A life in five steps, each able to run again."""

    store: LocalStore
    first: Config
    second: Config

    def sample(self) -> None:
        sample(self.store, self.first, rows=900, months=6, seed=4, drift=0.0)

    def train(self) -> None:
        train(self.store, self.first, TODAY)

    def validate(self) -> None:
        validate(self.store, self.first)

    def promote(self) -> None:
        promote(self.store, self.first)

    def second_train(self) -> None:
        train(self.store, self.second, TODAY)
        validate(self.store, self.second)

    def second_promote(self) -> None:
        promote(self.store, self.second)

    def rollback(self) -> None:
        rollback(self.store, number=2)

    def score(self) -> None:
        score(self.store, self.first)

    def state(self) -> dict[str, Any]:
        """What a person would look at afterwards; times and numbers of abandoned tries are left out."""
        registry = Registry(self.store)
        predicted = self.store.read(PREDICTIONS) if self.store.exists(PREDICTIONS) else pd.DataFrame()
        aliases = {name: registry.alias(name) for name in (CHAMPION, CHALLENGER)}
        versions = {n: registry.version(n).tags for n in {*aliases.values()} if n}
        return {
            "customers": len(self.store.read("customers")) if self.store.exists("customers") else 0,
            "aliases": aliases,
            "verdicts": {n: tags.get("verdict") for n, tags in versions.items()},
            "line": ledger.champions(self.store),
            "moves": len(ledger.moves(self.store)),
            "unfinished": ledger.unfinished(self.store),
            "predictions": np.sort(predicted.get("probability", pd.Series(dtype=float))).tolist(),
        }


STEPS = ("sample", "train", "validate", "promote", "second_train", "second_promote", "rollback", "score")
EASY = [
    "gates.evidence.events=10",
    "gates.champion.margin=0.5",
    "gates.floor.auc=0.5",
    "gates.calibration.slope_high=9.0",
    "gates.calibration.slope_low=0.01",
    "gates.calibration.ratio_high=9.0",
    "gates.calibration.ratio_low=0.01",
    "gates.segments.auc=0.01",
    "gates.segments.margin=0.9",
    "gates.segments.per_class=2",
    "model.estimator=logistic",
]


@pytest.fixture
def make_life(make_store: MakeStore, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Life]:
    # The page's pictures take most of a validation's time and write nothing of their own.
    monkeypatch.setattr("churn.steps.validate.page", lambda *_: "<!doctype html>")
    first, second = load_config([*EASY, "model.features=['tenure', 'contract']"]), load_config(EASY)
    return lambda name: Life(make_store(name), first, second)


@pytest.mark.slow
@pytest.mark.parametrize("step", [step for step in STEPS if step != "second_train"])
def test_a_step_killed_at_any_write_is_finished_by_running_it_again(
    step: str, make_life: Callable[[str], Life]
) -> None:
    wanted, kills = _uninterrupted(make_life("whole"), step), 0
    for at in range(1, 100):
        life = make_life(f"killed-{at}")
        _live_until(life, step)
        with killing(at) as killer, contextlib.suppress(KilledError):
            getattr(life, step)()
        getattr(life, step)()
        assert life.state() == wanted, f"killed before write {at} of {step}"
        if killer.armed:  # the step came to its end: running it again changed nothing
            break
        kills += 1
    assert kills >= 1


def _uninterrupted(life: Life, step: str) -> dict[str, Any]:
    _live_until(life, step)
    getattr(life, step)()
    return life.state()


def _live_until(life: Life, step: str) -> None:
    for earlier in STEPS[: STEPS.index(step)]:
        getattr(life, earlier)()
