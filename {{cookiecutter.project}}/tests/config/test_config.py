"""The three files load, every mistake in them is named, and their digests see every value."""

import json
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

import churn.config
from churn.config import Config, digest, load_config
from churn.config.problem import Costs
from churn.errors import UsageError

SHIPPED = Path(churn.config.__file__).parent
FILES = ("problem", "model", "gates")
THOROUGH = settings(max_examples=25, deadline=None, derandomize=True, database=None)

BANK = """
title = "Borrowers who repay early"
entity = "loan_number"
snapshot = "reported_on"
horizon_days = 90
grace_days = 0

[label]
column = "repaid"
positive = "1"
negative = "0"

[costs]
customer_value = 1200
offer = 150
contact = 5
acceptance = 0.25

[limits]
quarantined_share = 0.05
duplicate_share = 0.001

[segments]
columns = ["purpose", "secured"]

[columns]
purpose = { kind = "category", values = ["1", "2", "3"], missing = true }
secured = { kind = "flag" }
rate = { kind = "number", min = -1.5 }
amount = { kind = "number", min = 1, max = 5e6, missing = true }
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the three shipped files, free to be broken."""
    for name in FILES:
        shutil.copy(SHIPPED / f"{name}.toml", tmp_path)
    return tmp_path


def rewrite(folder: Path, file: str, old: str, new: str) -> None:
    path = folder / f"{file}.toml"
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new), encoding="utf-8")


def refusal(folder: Path | None = None, *overrides: str) -> str:
    with pytest.raises(UsageError) as caught:
        load_config(list(overrides), folder)
    message = str(caught.value)
    assert message
    assert len(message.splitlines()) == 1
    return message


def raw(file: str) -> dict[str, Any]:
    return tomllib.loads((SHIPPED / f"{file}.toml").read_text(encoding="utf-8"))


def leaves(value: object, path: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}")
    else:
        yield path, value


LEAVES = [leaf for file in FILES for leaf in leaves(raw(file), file)]
NUMBERS = [(path, value) for path, value in LEAVES if isinstance(value, int | float) and value is not True]


def as_toml(value: object, shuffle: Any) -> str:
    if not isinstance(value, dict):
        return json.dumps(value)
    return "{" + ", ".join(f"{key} = {as_toml(value[key], shuffle)}" for key in shuffle(list(value))) + "}"


def digests(config: Config) -> dict[str, str]:
    return {name: digest(getattr(config, name)) for name in FILES}


def test_the_shipped_files_load() -> None:
    config = load_config()
    assert config.problem.label.column == "churn"
    assert config.model.estimator == "boosting"
    assert config.gates.holdout.share == 0.2
    assert set(config.problem.segments.columns) <= set(config.problem.columns)


def test_another_folder_of_the_same_files_gives_the_same_configuration(folder: Path) -> None:
    assert load_config(folder=folder) == load_config()


def test_features_are_the_columns_of_the_problem_without_the_excluded() -> None:
    config = load_config()
    assert config.model.excluded == ("gender",)
    assert config.features == tuple(name for name in config.problem.columns if name != "gender")


def test_named_features_keep_the_order_of_the_problem() -> None:
    config = load_config(["model.features=['total_charges', 'gender', 'tenure']"])
    assert config.features == ("tenure", "total_charges")


def test_a_loan_book_with_an_integer_label_is_another_problem_and_no_new_code(folder: Path) -> None:
    (folder / "problem.toml").write_text(BANK, encoding="utf-8")
    rewrite(folder, "model", 'excluded = ["gender"]', "excluded = []")
    config = load_config(folder=folder)
    assert config.features == ("purpose", "secured", "rate", "amount")
    assert (config.problem.label.positive, config.problem.label.negative) == ("1", "0")
    assert config.problem.columns["rate"].max is None
    # A caller gains 0.25 x (1200 - 150) - 5 = 257.5 on a leaver and loses 155 on a stayer.
    assert config.problem.costs.threshold == pytest.approx(155 / 412.5)


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (
            "problem",
            "grace_days = 5",
            "grace_days = 5\ngrace = 6",
            "problem.toml: grace: unknown key, found 6",
        ),
        ("problem", "offer = 10.0", "offer = 10.0\noffers = 2", "problem.toml: costs.offers: unknown key"),
        (
            "problem",
            'partner = { kind = "flag" }',
            'partner = { kind = "flag", maximum = 3 }',
            "problem.toml: columns.partner.maximum: unknown key, found 3",
        ),
        ("model", "[logistic]", "[logistic]\nc = 1.0", "model.toml: logistic.c: unknown key, found 1.0"),
        ("model", "[logistic]", "[forest]\n[logistic]", "model.toml: forest: unknown key, found {}"),
        ("gates", "[floor]", "[floor]\nAUC = 0.9", "gates.toml: floor.AUC: unknown key, found 0.9"),
    ],
)
def test_an_unknown_key_is_named_with_its_file_and_value(
    folder: Path, file: str, old: str, new: str, said: str
) -> None:
    rewrite(folder, file, old, new)
    assert said in refusal(folder)


@pytest.mark.parametrize(
    ("file", "line", "said"),
    [
        ("problem", 'entity = "customer_id"', "problem.toml: entity: missing key"),
        ("problem", 'negative = "No"', "problem.toml: label.negative: missing key"),
        ("model", "seed = 20260131", "model.toml: seed: missing key"),
        ("model", "C = 1.0", "model.toml: logistic.C: missing key"),
        ("gates", "valid_days = 30", "gates.toml: passport.valid_days: missing key"),
    ],
)
def test_a_missing_key_is_named_with_its_file(folder: Path, file: str, line: str, said: str) -> None:
    rewrite(folder, file, line, "")
    assert refusal(folder) == said


@pytest.mark.parametrize(
    ("file", "old", "new", "where", "found"),
    [
        ("problem", "horizon_days = 30", 'horizon_days = "a month"', "horizon_days", "'a month'"),
        ("problem", "horizon_days = 30", "horizon_days = 30.5", "horizon_days", "30.5"),
        ("problem", 'positive = "Yes"', "positive = 1", "label.positive", "1"),
        ("problem", "offer = 10.0", "offer = [10.0]", "costs.offer", "[10.0]"),
        ("model", "seed = 20260131", "seed = 2026-01-31", "seed", "datetime.date(2026, 1, 31)"),
        ("model", 'excluded = ["gender"]', 'excluded = "gender"', "excluded", "'gender'"),
        ("model", "C = 1.0", "C = {}", "logistic.C", "{}"),
        ("gates", "[holdout]\nshare = 0.2", "holdout = 0.2", "holdout", "0.2"),
    ],
)
def test_a_value_of_the_wrong_type_is_named_with_file_and_key(
    folder: Path, file: str, old: str, new: str, where: str, found: str
) -> None:
    rewrite(folder, file, old, new)
    message = refusal(folder)
    assert message.startswith(f"{file}.toml: {where}: ")
    assert message.endswith(f", found {found}")


@pytest.mark.parametrize(
    ("file", "old", "new", "where"),
    [
        ("model", "seed = 20260131", "seed = true", "seed"),
        ("model", "max_iter = 200", 'max_iter = "200"', "boosting.max_iter"),
        ("problem", "missing = true }", "missing = 1 }", "columns.total_charges.missing"),
        ("gates", "auc = 0.70", 'auc = "0.70"', "floor.auc"),
    ],
)
def test_a_value_of_another_type_is_not_quietly_converted(
    folder: Path, file: str, old: str, new: str, where: str
) -> None:
    rewrite(folder, file, old, new)
    assert f"{file}.toml: {where}: " in refusal(folder)


@pytest.mark.parametrize(
    ("override", "where"),
    [
        ("problem.horizon_days=0", "problem.toml: horizon_days: "),
        ("problem.grace_days=-1", "problem.toml: grace_days: "),
        ("problem.entity='Customer ID'", "problem.toml: entity: "),
        ("problem.entity=snapshot_date", "problem.toml: entity, snapshot and label.column are three names"),
        ("problem.label.column=tenure", "problem.toml: entity, snapshot and label.column are three names"),
        ("problem.costs.offer=-1", "problem.toml: costs.offer: "),
        ("problem.costs.offer=inf", "problem.toml: costs.offer: "),
        ("problem.costs.offer=nan", "problem.toml: costs.offer: "),
        ("problem.costs.acceptance=0", "problem.toml: costs.acceptance: "),
        ("problem.costs.acceptance=1.01", "problem.toml: costs.acceptance: "),
        ("problem.limits.quarantined_share=1", "problem.toml: limits.quarantined_share: "),
        ("problem.segments.columns=['tenure']", "problem.toml: segments.columns: 'tenure' must be a flag"),
        ("problem.segments.columns=['age']", "problem.toml: segments.columns: 'age' must be a flag"),
        ("problem.columns.tenure.kind=flag", "problem.toml: columns.tenure: min and max belong to a number"),
        ("problem.columns.gender.kind=flag", "problem.toml: columns.gender: values = [...] is required"),
        ("problem.columns.gender.values=[]", "problem.toml: columns.gender: values = [...] is required"),
        ("problem.columns.gender.values=['F', 'f']", "problem.toml: columns.gender: values must differ"),
        ("model.estimator=forest", "model.toml: estimator: "),
        ("model.seed=-1", "model.toml: seed: "),
        ("model.seed=4294967296", "model.toml: seed: "),
        ("model.calibration_folds=1", "model.toml: calibration_folds: "),
        ("model.boosting.learning_rate=0", "model.toml: boosting.learning_rate: "),
        ("model.boosting.max_leaf_nodes=1", "model.toml: boosting.max_leaf_nodes: "),
        ("model.features=['age']", "model.toml: 'age' is not a column of problem.toml"),
        ("model.excluded=['age']", "model.toml: 'age' is not a column of problem.toml"),
        ("model.features=['gender']", "model.toml: excluded leaves no feature"),
        ("gates.holdout.share=0", "gates.toml: holdout.share: "),
        ("gates.holdout.share=1", "gates.toml: holdout.share: "),
        ("gates.calibration.slope_high=1", "gates.toml: calibration.slope_high: "),
    ],
)
def test_an_impossible_value_is_refused_by_file_and_key(override: str, where: str) -> None:
    assert where in refusal(None, override)


@pytest.mark.parametrize(
    "override",
    [
        "problem.horizon_days=1",
        "problem.grace_days=0",
        "problem.costs.acceptance=1",
        "problem.limits.quarantined_share=0.999",
        "model.seed=0",
        "model.seed=4294967295",
        "model.calibration_folds=2",
        "model.boosting.learning_rate=1",
        "gates.base_rate.brier_skill=0",
    ],
)
def test_a_value_at_the_edge_of_the_possible_is_taken(override: str) -> None:
    path, _, text = override.partition("=")
    value: Any = load_config([override])
    for name in path.split("."):
        value = getattr(value, name)
    assert value == float(text)


def test_a_smallest_value_above_the_largest_is_refused() -> None:
    assert "problem.toml: columns.tenure: " in refusal(None, "problem.columns.tenure.min=121")
    assert load_config(["problem.columns.tenure.min=120"]).problem.columns["tenure"].min == 120


@pytest.mark.parametrize("word", ["No", "no", " no "])
def test_one_word_for_both_labels_is_refused(word: str) -> None:
    assert "problem.toml: label" in refusal(None, f"problem.label.positive={word!r}")


@pytest.mark.parametrize("word", ["", " "])
def test_a_blank_label_word_is_refused_since_a_blank_label_is_an_unknown_one(word: str) -> None:
    assert "problem.toml: label" in refusal(None, f"problem.label.negative={word!r}")


def test_a_category_whose_value_is_wrapped_in_blanks_is_refused_since_no_cell_could_match_it() -> None:
    assert "problem.toml: columns.gender: " in refusal(None, "problem.columns.gender.values=['F', 'M ']")


@pytest.mark.parametrize("name", ["monthly__charges", "charges_"])
def test_a_column_name_that_no_header_can_become_is_refused(folder: Path, name: str) -> None:
    rewrite(folder, "problem", "monthly_charges = {", f"{name} = {{")
    assert f"problem.toml: columns.{name}" in refusal(folder)


def test_costs_under_which_contacting_never_pays_are_refused() -> None:
    # 0.3 x (V - 10) - 1 is worth nothing at V = 13.33.
    assert "problem.toml: costs: contacting a leaver" in refusal(None, "problem.costs.customer_value=13.33")
    assert load_config(["problem.costs.customer_value=13.34"]).problem.costs.threshold < 1


def test_costs_under_which_contacting_is_free_are_refused() -> None:
    message = refusal(None, "problem.costs.offer=0", "problem.costs.contact=0")
    assert "contacting a stayer must cost some" in message
    assert load_config(["problem.costs.offer=0"]).problem.costs.threshold > 0


def test_all_mistakes_are_named_at_once(folder: Path) -> None:
    rewrite(folder, "model", "seed = 20260131", "")
    rewrite(folder, "gates", "valid_days = 30", "valid_days = 0")
    rewrite(folder, "problem", "grace_days = 5", 'grace_days = "five"')
    message = refusal(folder)
    for said in (
        "problem.toml: grace_days: ",
        "model.toml: seed: missing",
        "gates.toml: passport.valid_days",
    ):
        assert said in message


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "gates.toml").unlink()
    assert refusal(folder).startswith("gates.toml: ")


@pytest.mark.parametrize("content", [b"seed = ", b"seed = 1\nseed = 2", b"[model", b"\xff\xfe", b"a = 'x\n"])
def test_a_file_that_is_not_toml_is_named(folder: Path, content: bytes) -> None:
    (folder / "model.toml").write_bytes(content)
    assert refusal(folder).startswith("model.toml: ")


@pytest.mark.parametrize(
    ("override", "section", "key", "value"),
    [
        ("model.boosting.learning_rate=0.1", "model.boosting", "learning_rate", 0.1),
        ("model.boosting.max_iter=80", "model.boosting", "max_iter", 80),
        ("model.estimator=logistic", "model", "estimator", "logistic"),
        ('model.estimator="logistic"', "model", "estimator", "logistic"),
        ("model.excluded=[]", "model", "excluded", ()),
        ("model.excluded=['tenure', 'gender']", "model", "excluded", ("tenure", "gender")),
        ("problem.title=Who = leaves, and why?", "problem", "title", "Who = leaves, and why?"),
        ("gates.floor.auc=0.75", "gates.floor", "auc", 0.75),
    ],
)
def test_an_override_replaces_one_value(override: str, section: str, key: str, value: object) -> None:
    changed: Any = load_config([override])
    for name in section.split("."):
        changed = getattr(changed, name)
    assert getattr(changed, key) == value


def test_an_override_reaches_a_single_column() -> None:
    assert load_config(["problem.columns.tenure.max=60"]).problem.columns["tenure"].max == 60


def test_the_last_override_of_a_key_counts() -> None:
    assert load_config(["model.seed=1", "model.seed=2"]).model.seed == 2


def test_no_override_is_no_change() -> None:
    assert load_config([]) == load_config(None) == load_config()


@pytest.mark.parametrize(
    "override",
    [
        "",
        "=",
        "=5",
        "model.seed",
        "seed=5",
        "model.sed=5",
        "modle.seed=5",
        "model.seed.x=5",
        "model..seed=5",
        ".model.seed=5",
        "model.boosting.=5",
        "problem.columns.age={ kind = 'flag' }",
        "models=5",
        "model.seed\n=5",
    ],
)
def test_an_override_of_no_key_is_refused_and_repeated(override: str) -> None:
    message = refusal(None, override)
    assert message.startswith(f"--set {override!r}: no such key")
    assert "FILE.KEY=VALUE" in message


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("model=5", "model.toml: "),
        ("model.boosting=5", "model.toml: boosting: "),
        ("model.boosting={}", "model.toml: boosting.learning_rate: missing key"),
        ("problem.columns=[]", "problem.toml: columns: "),
        ("problem.columns={}", "problem.toml: segments.columns: 'contract' must be a flag"),
        ("model.seed=", "model.toml: seed: "),
        ("model.seed=many", "model.toml: seed: "),
        ("model.seed=[1]", "model.toml: seed: "),
        ("model.seed={}", "model.toml: seed: "),
        ("model.excluded=gender", "model.toml: excluded: "),
        ("model.boosting.learning_rate=0,1", "model.toml: boosting.learning_rate: "),
        ("model.estimator=logistic; rm -rf /", "model.toml: estimator: "),
    ],
)
def test_an_override_by_something_else_than_a_value_of_the_key_is_refused(override: str, said: str) -> None:
    assert said in refusal(None, override)


def test_an_override_of_more_than_one_line_is_refused() -> None:
    assert "model.toml: seed: " in refusal(None, "model.seed=1\nestimator = 'logistic'")


@pytest.mark.parametrize("path", ["", "problem", "problem.costs", "model", "model.boosting", "gates.floor"])
def test_a_loaded_configuration_is_frozen(path: str) -> None:
    section: Any = load_config()
    for name in filter(None, path.split(".")):
        section = getattr(section, name)
    for key in type(section).model_fields:
        with pytest.raises(ValidationError, match="frozen"):
            setattr(section, key, getattr(section, key))


def test_a_digest_is_sha256_and_the_same_every_time() -> None:
    for value in digests(load_config()).values():
        assert len(bytes.fromhex(value)) == 32
    assert digests(load_config()) == digests(load_config())
    assert len(set(digests(load_config()).values())) == 3


def test_a_digest_does_not_see_comments_and_layout(folder: Path) -> None:
    rewrite(folder, "gates", "[floor]", "# Reviewed in spring.\n\n[floor]   # of all models")
    rewrite(folder, "model", "seed = 20260131", "seed   =   20_260_131")
    rewrite(folder, "problem", "offer = 10.0", "offer = 1e1")
    assert digests(load_config(folder=folder)) == digests(load_config())


@THOROUGH
@given(data=st.data())
def test_a_digest_does_not_see_the_order_of_keys(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("shuffled")
    for name in FILES:
        shipped = raw(name)
        lines = [
            f"{key} = {as_toml(shipped[key], lambda keys: data.draw(st.permutations(keys)))}"
            for key in data.draw(st.permutations(list(shipped)))
        ]
        (folder / f"{name}.toml").write_text("\n".join(lines), encoding="utf-8")
    assert digests(load_config(folder=folder)) == digests(load_config())


@settings(THOROUGH, max_examples=100)
@given(leaf=st.sampled_from(NUMBERS), step=st.integers(1, 10))
def test_a_digest_changes_with_any_number_and_with_its_own_file_only(
    leaf: tuple[str, float], step: int
) -> None:
    path, value = leaf
    # Small enough to stay possible: floats shrink by at most 5 %, zero grows to at most 0.01.
    new = value + step if isinstance(value, int) else (value * (1 - step / 200) or step / 1000)
    changed, shipped = digests(load_config([f"{path}={new!r}"])), digests(load_config())
    assert [name for name in FILES if changed[name] != shipped[name]] == [path.split(".")[0]]


@pytest.mark.parametrize(
    "override",
    [
        "problem.title=Another",
        "problem.label.positive=Left",
        "problem.segments.columns=['gender']",
        "problem.costs.offer=10.01",
        "problem.columns.gender.values=['Male', 'Female']",
        "problem.columns.tenure={ kind = 'number', min = 0 }",
        "problem.columns.total_charges.missing=false",
        "model.estimator=logistic",
        "model.features=['tenure']",
        "model.excluded=[]",
    ],
)
def test_a_digest_changes_with_any_other_value(override: str) -> None:
    changed, shipped = digests(load_config([override])), digests(load_config())
    assert [name for name in FILES if changed[name] != shipped[name]] == [override.split(".")[0]]


def test_every_number_of_the_shipped_files_is_among_those_changed() -> None:
    assert {path for path, _ in NUMBERS} >= {"problem.costs.offer", "model.seed", "gates.floor.auc"}
    assert len(NUMBERS) > 30


@THOROUGH
@given(
    value=st.floats(1, 10_000),
    offer=st.floats(0, 500),
    contact=st.floats(0.01, 50),
    acceptance=st.floats(0.01, 1),
)
def test_the_threshold_is_where_contacting_starts_to_pay(
    value: float, offer: float, contact: float, acceptance: float
) -> None:
    def money(leaves: float) -> float:
        """What contacting one customer brings: a leaver may accept, a stayer always takes the offer."""
        leaver = acceptance * (value - offer - contact) + (1 - acceptance) * -contact
        return leaves * leaver + (1 - leaves) * -(offer + contact)

    assume(money(1.0) > 0.01)
    threshold = Costs(customer_value=value, offer=offer, contact=contact, acceptance=acceptance).threshold
    assert 0 < threshold < 1
    chances = np.linspace(0, 1, 2001)
    # Total profit of "contact everybody from this chance on", for every chance of the grid.
    totals = np.cumsum([money(chance) for chance in chances[::-1]])[::-1]
    best = chances[int(np.argmax(totals))]
    assert abs(best - threshold) <= chances[1]
