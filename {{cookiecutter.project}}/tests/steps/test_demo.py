from dataclasses import replace
from pathlib import Path

import pytest

from churn.config import Config
from churn.data.sample import sample_customers
from churn.errors import UsageError
from churn.steps.demo import Lived, demo


def test_the_demo_lives_the_whole_life_on_samples(
    tmp_path: Path, config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    lived = demo(f"local:{tmp_path}", config, None)
    assert (lived.staging_champion, lived.production_champion) == (2, 1)
    assert (lived.saboteur_verdict, lived.refused_by) == ("refused", ["calibration"])
    assert lived.predictions_restored
    assert Path(lived.report).read_text(encoding="utf-8").lower().startswith("<!doctype html>")
    told = capsys.readouterr().out
    assert "exit 3, version 3 is refused, calibration" in told
    assert "equal those of v1.0.0" in told


def test_the_demo_lives_on_a_file_without_dates_and_starts_afresh_each_time(
    tmp_path: Path, config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = sample_customers(rows=7_500, months=5, seed=5).drop(columns="snapshot_date")
    rows[rows["churn"] != ""].to_csv(tmp_path / "customers.csv", index=False)
    for turn in (1, 2):
        lived = demo(f"local:{tmp_path / 'stores'}", config, tmp_path / "customers.csv", quiet=True)
        assert lived.production_champion == 1
        assert Path(lived.report).is_relative_to(tmp_path / "stores" / str(turn))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("verdict", "restored"), [("accepted", True), ("refused", False)])
def test_a_demo_that_does_not_hold_what_it_tells_has_failed(verdict: str, restored: bool) -> None:
    held = Lived(2, 1, "refused", ["calibration"], True, 1.0, "page.html")
    assert held.code == 0
    assert replace(held, saboteur_verdict=verdict, predictions_restored=restored).code == 6


def test_the_demo_plays_on_local_stores_only(config: Config) -> None:
    with pytest.raises(UsageError, match="write local:FOLDER"):
        demo("uc:main.churn", config, None)
