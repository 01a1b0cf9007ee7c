import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from by_hand import honest, with_scores
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit

from churn.governance import gates
from churn.governance.gates import (
    ACCEPTED,
    GATES,
    REFUSED,
    UNDETERMINED,
    Evidence,
    GateResult,
    conclude,
    judge,
)


def verdicts(evidence: Evidence) -> dict[str, str]:
    return {result.gate: result.verdict for result in judge(evidence)}


def spoiled(evidence: Evidence, spoil: Callable[[np.ndarray], np.ndarray]) -> Evidence:
    return with_scores(evidence, spoil(evidence.challenger.probabilities))


def noisy(strength: float) -> Callable[[np.ndarray], np.ndarray]:
    noise = np.random.default_rng(5)
    return lambda p: expit(logit(p) + noise.normal(scale=strength, size=len(p)))


def test_an_honest_challenger_is_accepted_by_every_gate() -> None:
    assert verdicts(honest()) == dict.fromkeys(GATES, ACCEPTED)


def test_an_honest_first_release_is_accepted_by_every_gate() -> None:
    evidence = honest(champion=False)
    assert verdicts(evidence) == dict.fromkeys(GATES, ACCEPTED)
    assert conclude(judge(evidence)) == ACCEPTED


def test_evidence_holds_when_leavers_are_few_and_says_how_many_rows_are_needed() -> None:
    evidence = honest(rows=200)
    result = gates.evidence_gate(evidence)
    leavers = int(evidence.labels.sum())
    assert result.verdict == UNDETERMINED
    assert f"about {math.ceil(200 * 100 / leavers)} holdout rows" in result.reason


def test_evidence_holds_when_stayers_are_few() -> None:
    evidence = honest()
    assert gates.evidence_gate(replace(evidence, labels=1 - evidence.labels)).verdict == ACCEPTED
    assert (
        gates.evidence_gate(replace(evidence, labels=np.ones_like(evidence.labels))).verdict == UNDETERMINED
    )


def test_floor_refuses_scores_that_rank_too_little() -> None:
    weak = spoiled(honest(champion=False), noisy(4.0))
    assert gates.floor_gate(weak).verdict == REFUSED
    assert gates.floor_gate(honest()).verdict == ACCEPTED


def test_floor_refuses_inverted_scores() -> None:
    assert gates.floor_gate(spoiled(honest(), lambda p: 1 - p)).verdict == REFUSED


def test_base_rate_refuses_the_same_score_for_everybody() -> None:
    result = gates.base_rate_gate(spoiled(honest(), lambda p: np.full_like(p, p.mean())))
    assert result.verdict == REFUSED


def test_base_rate_refuses_confident_nonsense() -> None:
    assert gates.base_rate_gate(spoiled(honest(), noisy(5.0))).verdict == REFUSED


def test_champion_refuses_a_challenger_that_lost_ground() -> None:
    worse = spoiled(honest(), noisy(1.2))
    assert gates.champion_gate(worse).verdict == REFUSED
    assert gates.floor_gate(worse).verdict == ACCEPTED


def test_champion_accepts_a_challenger_that_gained() -> None:
    evidence = honest()
    weaker = replace(evidence, champion=spoiled(evidence, noisy(1.2)).challenger)
    result = gates.champion_gate(weaker)
    assert result.verdict == ACCEPTED
    assert result.value is not None
    assert result.value > 0


def test_champion_refuses_when_the_comparison_is_turned_round() -> None:
    evidence = honest()
    worse = spoiled(evidence, noisy(1.2))
    assert evidence.champion is not None
    turned = replace(worse, challenger=evidence.champion, champion=worse.challenger)
    assert (gates.champion_gate(worse).verdict, gates.champion_gate(turned).verdict) == (REFUSED, ACCEPTED)


def test_champion_holds_when_few_rows_cannot_tell() -> None:
    result = gates.champion_gate(spoiled(honest(rows=200), noisy(0.4)))
    assert result.verdict == UNDETERMINED
    assert "holdout rows are needed" in result.reason


def test_calibration_refuses_over_confidence_that_ranking_cannot_see() -> None:
    sure = spoiled(honest(), lambda p: expit(3 * logit(p)))
    assert gates.calibration_gate(sure).verdict == REFUSED
    assert gates.champion_gate(sure).verdict == ACCEPTED


def test_calibration_refuses_timidity_and_a_shifted_mean() -> None:
    assert gates.calibration_gate(spoiled(honest(), lambda p: expit(0.4 * logit(p)))).verdict == REFUSED
    assert gates.calibration_gate(spoiled(honest(), lambda p: expit(logit(p) + 0.5))).verdict == REFUSED
    assert gates.calibration_gate(spoiled(honest(), lambda p: expit(logit(p) - 0.5))).verdict == REFUSED


def test_segments_refuses_one_broken_group_and_names_it() -> None:
    evidence = honest()
    group = (evidence.holdout["internet_service"] == "DSL").to_numpy()
    p = evidence.challenger.probabilities.copy()
    p[group] = np.random.default_rng(1).permutation(p[group])
    result = gates.segments_gate(with_scores(evidence, p))
    assert result.verdict == REFUSED
    assert "internet_service = DSL" in result.reason


def test_segments_holds_when_no_group_can_be_judged() -> None:
    assert gates.segments_gate(honest(rows=40)).verdict == UNDETERMINED


def test_leakage_refuses_a_column_that_is_the_label_in_disguise() -> None:
    evidence = honest()
    noise = np.random.default_rng(3)

    def leak(customers_labels: np.ndarray) -> np.ndarray:
        return np.asarray(60 * customers_labels + noise.normal(scale=5, size=len(customers_labels)) + 30)

    leaking = replace(
        evidence,
        training=evidence.training.assign(tenure=leak(evidence.training["churn"].astype(int).to_numpy())),
        holdout=evidence.holdout.assign(tenure=leak(evidence.labels)),
    )
    result = gates.leakage_gate(leaking)
    assert result.verdict == REFUSED
    assert "tenure" in result.reason


def test_leakage_refuses_a_model_too_good_to_be_true() -> None:
    evidence = honest()
    perfect = with_scores(evidence, np.where(evidence.labels == 1, 0.99, 0.01))
    assert gates.leakage_gate(perfect).verdict == REFUSED


@pytest.mark.parametrize(
    "inputs",
    [{}, {"complaints": "double"}, {"tenure": "string"}, {"contract": "double"}, {"churn": "double"}],
    ids=["none", "unknown", "number as text", "category as number", "the label"],
)
def test_signature_refuses_inputs_that_the_contract_does_not_provide(inputs: dict[str, str]) -> None:
    assert gates.signature_gate(honest(inputs=inputs)).verdict == REFUSED


def test_signature_refuses_another_type_than_the_champion_reads() -> None:
    evidence = honest()
    assert evidence.champion is not None
    before = replace(evidence.champion, inputs={"tenure": "long"})
    assert gates.signature_gate(replace(evidence, champion=before)).verdict == REFUSED


def test_signature_accepts_a_further_feature_of_the_contract() -> None:
    evidence = honest()
    more = replace(evidence.challenger, inputs={**evidence.challenger.inputs, "total_charges": "double"})
    assert gates.signature_gate(replace(evidence, challenger=more)).verdict == ACCEPTED


@settings(max_examples=25, deadline=None)
@given(
    bad=st.sampled_from([math.nan, math.inf, -math.inf]),
    place=st.one_of(st.none(), st.integers(0, 399)),
)
def test_no_probability_that_is_not_finite_is_ever_accepted(bad: float, place: int | None) -> None:
    evidence = honest(rows=400)
    p = evidence.challenger.probabilities.copy()
    p[slice(None) if place is None else place] = bad
    found = judge(with_scores(evidence, p))
    assert conclude(found) == REFUSED
    by_name = {result.gate: result.verdict for result in found}
    assert {by_name[gate] for gate in ("floor", "base_rate", "champion", "calibration", "leakage")} == {
        REFUSED
    }


@pytest.mark.parametrize("name", GATES)
def test_a_gate_that_raises_refuses(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Evidence) -> GateResult:
        raise TypeError("swallowed elsewhere")

    monkeypatch.setitem(GATES, name, broken)
    found = {result.gate: result for result in judge(honest())}
    assert found[name].verdict == REFUSED
    assert "TypeError: swallowed elsewhere" in found[name].reason


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_a_gate_that_answers_with_no_number_refuses(number: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(GATES, "floor", lambda _: GateResult("floor", ACCEPTED, "fine", value=number))
    found = {result.gate: result for result in judge(honest())}
    assert found["floor"].verdict == REFUSED
    assert found["floor"].value is None


def all_accepted() -> list[GateResult]:
    return [GateResult(name, ACCEPTED, "") for name in GATES]


@pytest.mark.parametrize("name", GATES)
def test_conclude_refuses_when_one_gate_refuses_or_is_absent(name: str) -> None:
    results = all_accepted()
    others = [result for result in results if result.gate != name]
    assert conclude(results) == ACCEPTED
    assert conclude(others) == REFUSED
    assert conclude([*others, GateResult(name, REFUSED, "")]) == REFUSED
    assert conclude([*others, GateResult(name, UNDETERMINED, "")]) == UNDETERMINED
    assert conclude([*others, GateResult(name, "whatever", "")]) != ACCEPTED


def test_conclude_refuses_nothing_and_strangers() -> None:
    assert conclude([]) == REFUSED
    assert conclude([*all_accepted(), GateResult("stranger", ACCEPTED, "")]) == REFUSED
    assert conclude([*all_accepted(), GateResult("floor", ACCEPTED, "")]) == REFUSED
