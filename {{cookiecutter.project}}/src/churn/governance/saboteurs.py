"""Deliberately bad models, each of which one named gate must refuse.

They go in through the same door as an honest challenger: registered with evidence, judged by `validate`,
stopped at `promote`.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass

from sklearn.model_selection import FixedThresholdClassifier

from churn.config import Config
from churn.data.store import Store
from churn.governance.evidence import recorded_data
from churn.governance.registry import CHALLENGER, CHAMPION, Registry
from churn.modelling.features import feature_frame


@dataclass(frozen=True)
class Saboteur:
    """A way to spoil a model, and the gate that must refuse the result."""

    gate: str
    story: str
    spoil: Callable[[FixedThresholdClassifier], FixedThresholdClassifier]


def over_confident(model: FixedThresholdClassifier) -> FixedThresholdClassifier:
    """The same ranking with every log-odds tripled: AUC is untouched, every probability is wrong."""
    spoiled = copy.deepcopy(model)
    for calibrated in spoiled.estimator_.calibrated_classifiers_:
        for calibrator in calibrated.calibrators:
            calibrator.a_, calibrator.b_ = 3 * calibrator.a_, 3 * calibrator.b_
    return spoiled


def inverted(model: FixedThresholdClassifier) -> FixedThresholdClassifier:
    """Leavers and stayers swapped: a sign error somewhere."""
    spoiled = copy.deepcopy(model)
    for calibrated in spoiled.estimator_.calibrated_classifiers_:
        for calibrator in calibrated.calibrators:
            calibrator.a_, calibrator.b_ = -calibrator.a_, -calibrator.b_
    return spoiled


SABOTEURS = {
    "over_confident": Saboteur("calibration", "the champion, with every log-odds tripled", over_confident),
    "inverted": Saboteur("floor", "the champion, with leavers and stayers swapped", inverted),
}


def smuggle(store: Store, config: Config, name: str) -> int:
    """Register the spoiled champion as challenger, with the champion's evidence, and return its version."""
    registry = Registry(store)
    champion = registry.load(registry.required(CHAMPION))
    tags = {key: value for key, value in champion.version.tags.items() if key not in OWN_TAGS}
    split = recorded_data(store, config, tags).split
    example = feature_frame(split.training.head(100), tuple(champion.inputs), config.problem)
    spoiled = SABOTEURS[name].spoil(champion.model)
    tags |= {"saboteur": name, "key": f"{tags['key']} {name}"}
    version = registry.register(spoiled, example, tags, {"saboteur": name}, {})
    registry.point(CHALLENGER, version.number)
    return version.number


# What a version earned for itself; an impostor brings the rest.
OWN_TAGS = frozenset({"model_digest", "passport_digest", "report_digest", "verdict"})
