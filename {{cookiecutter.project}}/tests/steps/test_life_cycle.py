"""The life of a model through its steps, on a real store."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import TODAY

from churn.config import Config, load_config
from churn.data.contract import arrow_schema
from churn.data.sample import sample_customers
from churn.data.store import LocalStore
from churn.errors import ConflictError, DataError, IntegrityError, RefusedError, UndeterminedError
from churn.governance import ledger, passport
from churn.governance.registry import CHALLENGER, CHAMPION, Registry
from churn.governance.saboteurs import SABOTEURS, smuggle
from churn.steps.load import load
from churn.steps.promote import promote
from churn.steps.report import report
from churn.steps.rollback import rollback
from churn.steps.sample import sample
from churn.steps.score import PREDICTIONS, score
from churn.steps.train import train
from churn.steps.validate import validate


@pytest.fixture
def released(sampled: LocalStore, plain: Config) -> LocalStore:
    """A store whose champion is version 1, the plain model."""
    train(sampled, plain, TODAY)
    validate(sampled, plain)
    promote(sampled, plain, release="v1.0.0")
    return sampled


def predictions(store: LocalStore) -> pd.DataFrame:
    columns = ["customer_id", "probability", "decision", "model_version"]
    return store.read(PREDICTIONS, columns).sort_values("customer_id", ignore_index=True)


def test_a_model_lives_from_data_to_rollback(released: LocalStore, config: Config) -> None:
    score(released, config)
    first = predictions(released)
    assert train(released, config, TODAY).version == 2
    judged = validate(released, config)
    assert (judged.verdict, judged.champion, judged.code) == ("accepted", 1, 0)
    assert promote(released, config, release="v1.1.0").previous == 1
    score(released, config)
    assert set(predictions(released)["model_version"]) == {2}
    assert not np.allclose(predictions(released)["probability"], first["probability"])
    assert rollback(released).version == 1
    score(released, config)
    pd.testing.assert_frame_equal(predictions(released), first, check_exact=True)
    assert [move.action for move in ledger.moves(released)] == ["promote", "promote", "rollback"]
    assert [move.release for move in ledger.moves(released)] == ["v1.0.0", "v1.1.0", ""]


def test_training_twice_on_the_same_inputs_gives_the_same_version(sampled: LocalStore, plain: Config) -> None:
    assert train(sampled, plain, TODAY) == train(sampled, plain, TODAY)
    assert train(sampled, load_config(["model.estimator=logistic"]), TODAY).version == 2


def test_rows_that_break_the_contract_do_not_train(
    sampled: LocalStore, plain: Config, config: Config
) -> None:
    def change(rows: pd.DataFrame) -> pd.DataFrame:
        tenure = rows["tenure"].to_numpy().copy()
        tenure[:2] = 999
        return rows.assign(tenure=tenure)

    spoil_newest(sampled, config, change)
    assert train(sampled, plain, TODAY).quarantined == 2
    assert set(sampled.read("quarantine")["reason"]) == {"tenure: 999 is above 120"}


def test_a_version_carries_its_evidence(sampled: LocalStore, plain: Config) -> None:
    tags = Registry(sampled).version(train(sampled, plain, TODAY).version).tags
    assert set(passport.COPIED) <= set(tags)
    assert (tags["table_version"], tags["seed"]) == ("0", str(plain.model.seed))
    assert tags["holdout_rule"].startswith("snapshot_date >= 20")


def test_the_verdict_of_validation_is_the_exit_code(sampled: LocalStore, plain: Config) -> None:
    train(sampled, plain, TODAY)
    assert validate(sampled, plain).code == 0
    assert validate(sampled, load_config(["gates.floor.auc=0.95"])).code == 3
    assert validate(sampled, load_config(["gates.evidence.events=5000"])).code == 4


def test_promotion_without_validation_is_refused(sampled: LocalStore, plain: Config) -> None:
    train(sampled, plain, TODAY)
    with pytest.raises(RefusedError, match="has no passport"):
        promote(sampled, plain)
    assert Registry(sampled).alias(CHAMPION) is None


def test_an_undetermined_version_waits_for_a_person(sampled: LocalStore, plain: Config) -> None:
    strict = load_config(["gates.evidence.events=5000"])
    train(sampled, plain, TODAY)
    validate(sampled, strict)
    with pytest.raises(UndeterminedError, match="evidence"):
        promote(sampled, strict)


def test_gates_weakened_for_validation_do_not_help_promotion(sampled: LocalStore, plain: Config) -> None:
    train(sampled, plain, TODAY)
    validate(sampled, load_config(["gates.floor.auc=0.51"]))
    with pytest.raises(IntegrityError, match="gates_digest"):
        promote(sampled, plain)


def test_a_passport_edited_in_the_registry_is_refused(sampled: LocalStore, plain: Config) -> None:
    train(sampled, plain, TODAY)
    validate(sampled, load_config(["gates.floor.auc=0.95"]))
    registry = Registry(sampled)
    text = registry.attached(registry.version(1), passport.FILE)
    assert text is not None
    registry.attach(registry.version(1), passport.FILE, text.replace("refused", "accepted"))
    with pytest.raises(IntegrityError, match="changed after sealing"):
        promote(sampled, plain)


def test_a_passport_borrowed_from_another_version_is_refused(released: LocalStore, config: Config) -> None:
    train(released, config, TODAY)
    registry = Registry(released)
    text = registry.attached(registry.version(1), passport.FILE)
    assert text is not None
    borrowed = registry.attach(registry.version(2), passport.FILE, text)
    registry.tag(2, {passport.TAG: borrowed})
    with pytest.raises(IntegrityError, match="not of version 2"):
        promote(released, config)


def test_promoting_twice_moves_once(released: LocalStore, plain: Config) -> None:
    assert not promote(released, plain).moved
    assert len(ledger.moves(released)) == 1


def test_a_promotion_judged_against_an_older_champion_is_a_conflict(
    released: LocalStore, config: Config
) -> None:
    train(released, config, TODAY)
    validate(released, config)
    third = load_config(["model.estimator=logistic"])
    train(released, third, TODAY)
    validate(released, third)
    promote(released, third, number=3)
    with pytest.raises(ConflictError, match="compared with champion 1, now 3"):
        promote(released, config, number=2)


@pytest.mark.parametrize("name", SABOTEURS)
def test_a_saboteur_is_refused_by_the_gate_named_for_it(
    released: LocalStore, plain: Config, name: str
) -> None:
    number = smuggle(released, plain, name)
    judged = validate(released, plain)
    refusing = {result.gate for result in judged.gates if result.verdict == "refused"}
    assert SABOTEURS[name].gate in refusing
    with pytest.raises(RefusedError, match=SABOTEURS[name].gate):
        promote(released, plain)
    registry = Registry(released)
    assert (registry.alias(CHALLENGER), registry.alias(CHAMPION)) == (number, 1)


def test_a_holdout_that_changed_since_training_is_noticed(sampled: LocalStore, plain: Config) -> None:
    train(sampled, plain, TODAY)
    with pytest.raises(IntegrityError, match="train again"):
        validate(sampled, load_config(["gates.holdout.share=0.4"]))


def test_new_data_does_not_disturb_a_validation_that_is_due(
    sampled: LocalStore, plain: Config, config: Config
) -> None:
    train(sampled, plain, TODAY)
    sample(sampled, config, rows=3_000, months=3, seed=99, drift=0.0)
    assert validate(sampled, plain).verdict == "accepted"


def test_rollback_without_an_earlier_champion_is_a_conflict(released: LocalStore) -> None:
    with pytest.raises(ConflictError, match="no version before it"):
        rollback(released)
    assert Registry(released).alias(CHAMPION) == 1


def test_a_version_that_no_longer_serves_is_not_taken_back_twice(
    released: LocalStore, config: Config
) -> None:
    train(released, config, TODAY)
    validate(released, config)
    promote(released, config)
    assert rollback(released, number=2).moved
    again = rollback(released, number=2)
    assert (again.moved, again.version) == (False, 1)
    assert len(ledger.moves(released)) == 3


def test_rollback_verifies_the_files_it_returns_to(released: LocalStore, config: Config) -> None:
    train(released, config, TODAY)
    validate(released, config)
    promote(released, config)
    Registry(released).tag(1, {"model_digest": "0" * 64})
    with pytest.raises(IntegrityError, match="files of version 1"):
        rollback(released)
    assert Registry(released).alias(CHAMPION) == 2


def test_scoring_needs_a_champion(sampled: LocalStore, config: Config) -> None:
    with pytest.raises(ConflictError, match="has no champion"):
        score(sampled, config)


def test_scoring_a_snapshot_twice_leaves_one_set_of_predictions(released: LocalStore, config: Config) -> None:
    once = score(released, config)
    twice = score(released, config)
    assert once.scored == twice.scored == len(predictions(released))
    assert once.rows == once.scored + once.quarantined


def test_scoring_another_snapshot_keeps_the_first(released: LocalStore, config: Config) -> None:
    newest = score(released, config)
    dates = released.read("customers", ["snapshot_date"])["snapshot_date"].sort_values()
    oldest = score(released, config, dates.iloc[0].date())
    assert len(predictions(released)) == newest.scored + oldest.scored


def test_scoring_in_small_batches_gives_the_same_predictions(
    released: LocalStore, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    score(released, config)
    whole = predictions(released)
    monkeypatch.setattr("churn.data.store.BATCH_ROWS", 37)
    score(released, config)
    pd.testing.assert_frame_equal(predictions(released), whole, check_exact=True)


def test_a_missing_snapshot_leaves_the_predictions_alone(released: LocalStore, config: Config) -> None:
    score(released, config)
    before = predictions(released)
    with pytest.raises(DataError, match="no snapshot 1999-01-01"):
        score(released, config, TODAY.replace(year=1999, month=1, day=1))
    pd.testing.assert_frame_equal(predictions(released), before)


def spoil_newest(store: LocalStore, config: Config, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    """Rewrite the newest snapshot behind the contract's back, as another writer of the table could."""
    customers = store.read("customers")
    newest = customers[customers["snapshot_date"] == customers["snapshot_date"].max()]
    day = newest["snapshot_date"].iloc[0].date()
    store.write("customers", change(newest), arrow_schema(config.problem), replace={"snapshot_date": [day]})


def test_rows_that_break_the_contract_are_quarantined_not_scored(
    released: LocalStore, config: Config
) -> None:
    def change(rows: pd.DataFrame) -> pd.DataFrame:
        tenure = rows["tenure"].to_numpy().copy()
        tenure[:3] = -1
        return rows.assign(tenure=tenure)

    spoil_newest(released, config, change)
    scored = score(released, config)
    assert scored.quarantined == 3
    assert len(predictions(released)) == scored.rows - 3
    assert set(released.read("quarantine")["reason"]) == {"tenure: -1 is below 0"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows.assign(monthly_charges=-1.0), "break the contract"),
        (lambda rows: rows.assign(customer_id=rows["customer_id"].iloc[0]), "are duplicates"),
    ],
    ids=["a column broken throughout", "one customer again and again"],
)
def test_a_broken_snapshot_is_refused_and_the_predictions_stay(
    released: LocalStore, config: Config, change: Callable[[pd.DataFrame], pd.DataFrame], message: str
) -> None:
    score(released, config)
    before = predictions(released)
    spoil_newest(released, config, change)
    with pytest.raises(DataError, match=message):
        score(released, config)
    pd.testing.assert_frame_equal(predictions(released), before)


def test_a_customer_who_stands_in_two_batches_is_noticed(
    released: LocalStore, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("churn.data.store.BATCH_ROWS", 100)

    def change(rows: pd.DataFrame) -> pd.DataFrame:
        ids = rows["customer_id"].to_numpy().copy()
        ids[-1] = ids[0]
        return rows.assign(customer_id=ids)

    spoil_newest(released, config, change)
    with pytest.raises(DataError, match="1 customers stand twice"):
        score(released, config)


def test_a_champion_moved_by_another_hand_is_not_scored_with(released: LocalStore, config: Config) -> None:
    train(released, config, TODAY)
    Registry(released).point(CHAMPION, 2)
    with pytest.raises(IntegrityError, match="the ledger says 1"):
        score(released, config)


def test_the_report_is_the_page_that_validation_drew(released: LocalStore, tmp_path: Path) -> None:
    written = report(released, tmp_path / "reports")
    page = Path(written.path).read_text(encoding="utf-8")
    assert page.lower().startswith("<!doctype html>")
    Registry(released).attach(
        Registry(released).version(1), "report.html", page.replace("accepted", "refused")
    )
    with pytest.raises(IntegrityError, match="report of version 1 was changed"):
        report(released, tmp_path / "reports")


def test_a_version_that_was_not_validated_has_no_report(sampled: LocalStore, plain: Config) -> None:
    train(sampled, plain, TODAY)
    with pytest.raises(RefusedError, match="churn validate --version 1"):
        report(sampled, Path("reports"))


def test_an_undated_file_is_trained_judged_and_scored(
    store: LocalStore, config: Config, plain: Config
) -> None:
    rows = sample_customers(rows=7_043, months=3, seed=5).drop(columns="snapshot_date")
    path = Path(store.address.removeprefix("local:")) / "Customers.csv"
    rows[rows["churn"] != ""].to_csv(path, index=False)
    taken = load(store, config, path)
    assert (taken.snapshots, taken.quarantined) == (1, 0)
    trained = train(store, plain, TODAY)
    assert trained.holdout.startswith("sha256(customer_id) < 0.2")
    validate(store, plain)
    promote(store, plain)
    scored = score(store, config)
    assert (scored.snapshot, scored.scored) == ("undated", taken.accepted)
    assert score(store, config).scored == len(predictions(store))
