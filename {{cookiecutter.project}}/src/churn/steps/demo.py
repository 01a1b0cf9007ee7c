"""The whole life, twice round: two local stores play the staging and the production workspace."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import pandas as pd
from rich.console import Console
from rich.markup import escape

from churn.config import Config, load_config
from churn.data.store import Store, open_store
from churn.errors import ChurnError, IntegrityError, UsageError
from churn.governance.champion import present_champion
from churn.governance.evidence import training_data
from churn.governance.gates import ACCEPTED, REFUSED
from churn.governance.registry import Registry
from churn.governance.saboteurs import SABOTEURS, smuggle
from churn.modelling.leakage import feature_strengths
from churn.steps.load import load
from churn.steps.promote import promote
from churn.steps.report import report
from churn.steps.rollback import rollback
from churn.steps.sample import sample
from churn.steps.score import PREDICTIONS, score
from churn.steps.train import train
from churn.steps.validate import Validated, validate
from churn.terminal import gate_table

Result = TypeVar("Result")

SABOTEUR = "over_confident"


@dataclass(frozen=True)
class Lived:
    """How the demo ended: who serves, what became of the saboteur, and where the report lies."""

    staging_champion: int | None
    production_champion: int | None
    saboteur_verdict: str
    refused_by: list[str]
    predictions_restored: bool
    seconds: float
    report: str

    @property
    def code(self) -> int:
        """The exit code: a demo in which the saboteur gets through, or predictions differ, has failed."""
        held = self.saboteur_verdict == REFUSED and self.predictions_restored
        return 0 if held else IntegrityError.code

    def __str__(self) -> str:
        return f"done in {self.seconds:.0f} s; the report of what serves in production: {self.report}"


class Narrator:
    """Says each command before it runs, and its facts after."""

    def __init__(self, quiet: bool) -> None:
        self._console = Console(quiet=quiet, highlight=False, soft_wrap=True)

    def act(self, title: str) -> None:
        self._console.print(f"\n[bold]{escape(title)}[/bold]")

    def run(self, store: Store, command: str, step: Callable[[], Result]) -> Result:
        with self._console.status(escape(f"churn {command}")):
            result = step()
        place = store.address.rpartition("/")[2]
        self._console.print(
            f"  [dim]{place:<10} $[/dim] churn {escape(command)}\n  {'':<12} {escape(str(result))}"
        )
        return result

    def say(self, sentence: str) -> None:
        self._console.print(f"  {'':<12} {escape(sentence)}")

    def refused(self, store: Store, command: str, step: Callable[[], object]) -> None:
        """Run a step that must fail; its error is the result."""

        def expect() -> str:
            try:
                return f"not refused: {step()}"
            except ChurnError as error:
                return f"exit {error.code}, {error}"

        self.run(store, command, expect)

    def gates(self, validated: Validated) -> None:
        self._console.print(gate_table(validated.gates), soft_wrap=False)


def demo(address: str, config: Config, data: Path | None, quiet: bool = False) -> Lived:
    """Live through two releases, a saboteur and a rollback, in a new folder under a local store's address."""
    started, folder, narrator = time.monotonic(), _new_folder(address), Narrator(quiet)
    staging, production = (open_store(f"local:{folder / name}") for name in ("staging", "production"))
    narrator.act("1  Customers arrive, through the data contract")
    _arrive(narrator, staging, config, data, seed=7)
    _arrive(narrator, production, config, data, seed=8)
    narrator.act("2  A plain first model: staging, then tag v1.0.0 and production")
    plain = _plain(staging, config)
    _release(narrator, staging, plain, "")
    _release(narrator, production, plain, "v1.0.0")
    narrator.act("3  A better model: staging, then tag v1.1.0 and production")
    narrator.gates(_release(narrator, staging, [], ""))
    _release(narrator, production, [], "v1.1.0")
    narrator.act(f"4  A saboteur: {SABOTEURS[SABOTEUR].story}; the ranking is as good as ever")
    verdict = _sabotage(narrator, staging, config)
    narrator.act("5  Trouble in production: back to the release before")
    restored = _return(narrator, production, config)
    narrator.act("6  The evidence")
    page = narrator.run(production, "report", lambda: report(production, folder / "reports"))
    return Lived(
        staging_champion=present_champion(staging, Registry(staging)),
        production_champion=present_champion(production, Registry(production)),
        saboteur_verdict=verdict.verdict,
        refused_by=[result.gate for result in verdict.gates if result.verdict != ACCEPTED],
        predictions_restored=restored,
        seconds=round(time.monotonic() - started, 1),
        report=page.path,
    )


def _arrive(narrator: Narrator, store: Store, config: Config, data: Path | None, seed: int) -> None:
    if data:
        narrator.run(store, f"load {data.name}", lambda: load(store, config, data))
    else:
        narrator.run(store, f"sample --seed {seed}", lambda: sample(store, config, 12_000, 15, seed, 0.0))


def _plain(store: Store, config: Config) -> list[str]:
    """Settings of a model that leaves something to improve on: the three columns that say most alone."""
    rows = training_data(store, config, datetime.now(UTC).date()).split.training
    strengths = feature_strengths(rows, rows, config.features, config.problem)
    strongest = sorted(strengths, key=lambda name: -strengths[name])[:3]
    return ["model.estimator=logistic", f"model.features={strongest}"]


def _release(narrator: Narrator, store: Store, settings: list[str], tag: str) -> Validated:
    config, today = load_config(settings), datetime.now(UTC).date()
    words = " ".join(["train", *(f'--set "{setting}"' for setting in settings)])
    narrator.run(store, words, lambda: train(store, config, today))
    validated = narrator.run(store, "validate", lambda: validate(store, config))
    narrator.run(
        store, f"promote --release {tag}" if tag else "promote", lambda: promote(store, config, release=tag)
    )
    narrator.run(store, "score", lambda: score(store, config))
    return validated


def _sabotage(narrator: Narrator, store: Store, config: Config) -> Validated:
    smuggle(store, config, SABOTEUR)
    validated = narrator.run(store, "validate", lambda: validate(store, config))
    narrator.gates(validated)
    narrator.refused(store, "promote", lambda: promote(store, config))
    return validated


def _return(narrator: Narrator, store: Store, config: Config) -> bool:
    """Roll back and score again; whether every prediction is what the first release had made of it."""
    first = _predictions(store, config, version=0)  # the table as v1.0.0 wrote it
    narrator.run(store, "rollback", lambda: rollback(store))
    narrator.run(store, "score", lambda: score(store, config))
    restored = bool(first.equals(_predictions(store, config)))
    narrator.say(
        f"{len(first)} predictions {'equal' if restored else 'DIFFER from'} those of v1.0.0, to the last bit"
    )
    return restored


def _predictions(store: Store, config: Config, version: int | None = None) -> pd.DataFrame:
    entity = config.problem.entity
    predictions = store.read(PREDICTIONS, [entity, "probability", "decision", "model_version"], version)
    return predictions.sort_values(entity, ignore_index=True)


def _new_folder(address: str) -> Path:
    kind, _, place = address.partition(":")
    if kind != "local" or not place:
        raise UsageError(f"--store {address!r}: the demo plays on local stores; write local:FOLDER")
    numbers = [int(path.name) for path in Path(place).glob("[0-9]*") if path.name.isdigit()]
    return Path(place) / str(max(numbers, default=0) + 1)
