"""The gates: what a challenger must show before it may become champion.

Each gate is a function of the evidence to one result with one of three verdicts. A gate that fails to
compute refuses; a number that is not finite refuses; nothing passes by being absent.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from churn.config import Config
from churn.governance import segments
from churn.governance.segments import Segment
from churn.modelling import metrics
from churn.modelling.leakage import strongest_feature
from churn.modelling.metrics import Array, Estimate

ACCEPTED, REFUSED, UNDETERMINED = "accepted", "refused", "undetermined"

ONE_SIDED = 0.90  # a two-sided 90 % interval ends at the one-sided 95 % bound


@dataclass(frozen=True)
class Candidate:
    """A model version as the gates see it: its input columns (name to type) and its holdout probabilities."""

    number: int
    inputs: Mapping[str, str]
    probabilities: Array


@dataclass(frozen=True)
class Evidence:
    """Everything the gates look at; both models are scored fresh on the same holdout rows.

    ``training`` and ``holdout`` hold canonical rows, ``labels`` the holdout's 0 and 1. Without a champion
    this is a first release.
    """

    config: Config
    training: pd.DataFrame
    holdout: pd.DataFrame
    labels: Array
    challenger: Candidate
    champion: Candidate | None


@dataclass(frozen=True)
class GateResult:
    """One gate's answer. ``value``, ``low`` and ``high`` are None where a gate does not measure."""

    gate: str
    verdict: str
    reason: str
    limit: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    rows: int | None = None


Gate = Callable[[Evidence], GateResult]


def judge(evidence: Evidence) -> list[GateResult]:
    """Every gate's result, in the order of GATES."""
    return [_ask(name, gate, evidence) for name, gate in GATES.items()]


def conclude(results: list[GateResult]) -> str:
    """Accepted only when every gate of GATES answered, and accepted; one refusal refuses."""
    verdicts = {result.gate: result.verdict for result in results}
    if set(verdicts) != set(GATES) or len(results) != len(GATES) or REFUSED in verdicts.values():
        return REFUSED
    return ACCEPTED if set(verdicts.values()) == {ACCEPTED} else UNDETERMINED


def evidence_gate(evidence: Evidence) -> GateResult:
    """Enough leavers and stayers in the holdout to judge anything."""
    limits = evidence.config.gates.evidence
    rows, leavers = len(evidence.labels), int(evidence.labels.sum())
    fewest = min(leavers, rows - leavers)
    verdict = ACCEPTED if fewest >= limits.events else UNDETERMINED
    needed = math.ceil(rows * limits.events / max(fewest, 1))
    return GateResult(
        gate="evidence",
        verdict=verdict,
        reason=f"{leavers} leavers, {rows - leavers} stayers"
        + ("" if verdict == ACCEPTED else f"; about {needed} holdout rows are needed"),
        limit=f">= {limits.events} each",
        value=float(fewest),
        rows=rows,
    )


def floor_gate(evidence: Evidence) -> GateResult:
    """AUC on the holdout, by its lower bound."""
    found = metrics.auc(evidence.labels, evidence.challenger.probabilities, confidence=ONE_SIDED)
    return _above("floor", "AUC ", found, evidence.config.gates.floor.auc, evidence)


def base_rate_gate(evidence: Evidence) -> GateResult:
    """Better than predicting the same share for everybody, by the lower bound of the Brier skill."""
    found = metrics.brier_skill(evidence.labels, evidence.challenger.probabilities, confidence=ONE_SIDED)
    return _above("base_rate", "Brier skill ", found, evidence.config.gates.base_rate.brier_skill, evidence)


def champion_gate(evidence: Evidence) -> GateResult:
    """Not worse than the champion: the lower bound of the paired AUC difference stays above the margin."""
    if evidence.champion is None:
        return GateResult("champion", ACCEPTED, "first release, no champion yet")
    limit, enough = -evidence.config.gates.champion.margin, evidence.config.gates.evidence.standard_error
    found = metrics.auc_difference(
        evidence.labels,
        evidence.challenger.probabilities,
        evidence.champion.probabilities,
        confidence=ONE_SIDED,
    )
    against = f"champion {evidence.champion.number}: "
    if found.low <= limit <= found.high and found.error > enough:
        needed = math.ceil(len(evidence.labels) * (found.error / enough) ** 2)
        reason = f"{against}too uncertain, about {needed} holdout rows are needed"
        return _result("champion", UNDETERMINED, reason, found, f"> {limit:g}", evidence)
    return _above("champion", against, found, limit, evidence, "+.3f")


def calibration_gate(evidence: Evidence) -> GateResult:
    """Probabilities that money can be multiplied with: refused when shown to be off, in slope or mean."""
    limits = evidence.config.gates.calibration
    found = metrics.calibration(evidence.labels, evidence.challenger.probabilities)
    slope_off = _outside(found.slope, limits.slope_low, limits.slope_high)
    ratio_off = _outside(found.ratio, limits.ratio_low, limits.ratio_high)
    reason = f"slope {found.slope.value:.2f}, predicted/observed {found.ratio.value:.2f}"
    limit = f"{limits.slope_low:g}-{limits.slope_high:g}, {limits.ratio_low:g}-{limits.ratio_high:g}"
    verdict = REFUSED if slope_off or ratio_off else ACCEPTED
    return _result("calibration", verdict, reason, found.ratio if ratio_off else found.slope, limit, evidence)


def segments_gate(evidence: Evidence) -> GateResult:
    """No group is ranked like noise, and none is shown to have lost against the champion."""
    limits = evidence.config.gates.segments
    groups = judged_segments(evidence)
    judged = [group for group in groups if group.judged]
    failing = [group for group in judged if group.failed]
    if not judged:
        return GateResult(
            "segments", UNDETERMINED, "no group is large enough to be judged", rows=len(evidence.labels)
        )
    named = min(failing or judged, key=lambda group: group.auc.value)
    found, reason = named.auc, f"{'failing' if failing else 'worst'}: {named.name}, AUC {named.auc.value:.2f}"
    if failing and named.lost is not None and named.lost.high < -limits.margin:
        found, reason = named.lost, f"failing: {named.name}, {named.lost.value:+.2f} against the champion"
    reason += f"; {len(groups) - len(judged)} not judged" if len(judged) < len(groups) else ""
    verdict = REFUSED if failing else ACCEPTED
    return _result(
        "segments", verdict, reason, found, f"> {limits.auc:g}, > -{limits.margin:g}", evidence, named.rows
    )


def leakage_gate(evidence: Evidence) -> GateResult:
    """Neither the model nor any single column is too good to be true."""
    limits, problem = evidence.config.gates.leakage, evidence.config.problem
    found = metrics.auc(evidence.labels, evidence.challenger.probabilities)
    column, strength = strongest_feature(
        evidence.training, evidence.holdout, tuple(evidence.challenger.inputs), problem
    )
    if not strength < limits.feature_auc:
        reason = f"column {column} alone reaches AUC {strength:.3f}"
        return GateResult(
            "leakage", REFUSED, reason, f"< {limits.feature_auc:g}", strength, rows=len(evidence.labels)
        )
    reason = f"strongest: {column}, AUC {strength:.3f}"
    verdict = ACCEPTED if found.value < limits.auc else REFUSED
    return _result("leakage", verdict, reason, found, f"model < {limits.auc:g}", evidence)


def signature_gate(evidence: Evidence) -> GateResult:
    """Inputs that the contract provides, in the types that the champion reads."""
    declared = {"number": "double", "flag": "double", "category": "string"}
    columns = evidence.config.problem.columns
    before = evidence.champion.inputs if evidence.champion else {}
    wrong = [
        f"{name} is {found}"
        for name, found in evidence.challenger.inputs.items()
        if name not in columns or found != declared[columns[name].kind] or before.get(name, found) != found
    ]
    if wrong or not evidence.challenger.inputs:
        return GateResult(
            "signature", REFUSED, f"not what the contract provides: {', '.join(wrong) or 'no inputs'}"
        )
    return GateResult("signature", ACCEPTED, f"{len(evidence.challenger.inputs)} inputs, all in the contract")


GATES: dict[str, Gate] = {
    "evidence": evidence_gate,
    "floor": floor_gate,
    "base_rate": base_rate_gate,
    "champion": champion_gate,
    "calibration": calibration_gate,
    "segments": segments_gate,
    "leakage": leakage_gate,
    "signature": signature_gate,
}


def judged_segments(evidence: Evidence) -> list[Segment]:
    """Every group of the segment columns, judged where it is large enough."""
    champion = evidence.champion.probabilities if evidence.champion else None
    return segments.judge(
        evidence.holdout,
        evidence.labels,
        evidence.challenger.probabilities,
        champion,
        evidence.config.problem.segments.columns,
        evidence.config.gates.segments,
    )


def _ask(name: str, gate: Gate, evidence: Evidence) -> GateResult:
    try:
        with np.errstate(all="ignore"):  # a number that is none is answered below, not by a warning
            result = gate(evidence)
    except Exception as error:  # noqa: BLE001 whatever goes wrong in a gate, the answer is no
        return GateResult(name, REFUSED, f"the gate failed: {type(error).__name__}: {error}"[:200])
    numbers = (result.value, result.low, result.high)
    if all(number is None or math.isfinite(number) for number in numbers):
        return result
    return GateResult(name, REFUSED, f"{result.reason}: not a finite number", result.limit, rows=result.rows)


def _above(
    gate: str, what: str, found: Estimate, limit: float, evidence: Evidence, form: str = ".3f"
) -> GateResult:
    # Comparisons with NaN are false, so a value that is not a number refuses.
    verdict = ACCEPTED if found.low > limit else REFUSED
    reason = f"{what}{found.value:{form}}, at least {found.low:{form}}"
    return _result(gate, verdict, reason, found, f"> {limit:g}", evidence)


def _outside(found: Estimate, low: float, high: float) -> bool:
    return not (found.high >= low and found.low <= high)


def _result(
    gate: str,
    verdict: str,
    reason: str,
    found: Estimate,
    limit: str,
    evidence: Evidence,
    rows: int | None = None,
) -> GateResult:
    rows = len(evidence.labels) if rows is None else rows
    return GateResult(gate, verdict, reason, limit, found.value, found.low, found.high, rows)
