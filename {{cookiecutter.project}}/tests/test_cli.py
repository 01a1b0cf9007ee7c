import inspect
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import MakeStore

from churn import cli, errors
from churn.cli import app, run
from churn.errors import ChurnError

COMMANDS = {str(command.name): command.callback for command in app.registered_commands}


@pytest.fixture
def customers(tmp_path: Path) -> Path:
    from churn.data.sample import sample_customers

    path = tmp_path / "customers.csv"
    sample_customers(rows=3_000, months=12, seed=3).to_csv(path, index=False)
    return path


@pytest.fixture
def at(make_store: MakeStore) -> str:
    """The address of a store with a migrated database."""
    return make_store("cli").address


def facts(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_help_imports_nothing_heavy() -> None:
    heavy = (
        "{'pandas', 'sklearn', 'mlflow', 'numpy', 'pyarrow', 'scipy', 'pandera', 'matplotlib', 'pydantic'}"
    )
    code = (
        f"import sys; from churn.cli import run; run(['--help']); print(sorted({heavy} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "validate" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_takes_a_store_and_json_and_explains_itself(name: str) -> None:
    callback = COMMANDS[name]
    assert callback is not None
    assert {"store", "as_json"} <= set(inspect.signature(callback).parameters)
    assert (callback.__doc__ or "").endswith(".")


def test_the_whole_life_speaks_json_and_nothing_else(
    at: str, customers: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    plain = ["--set", "model.estimator=logistic"]
    lives: list[tuple[list[str], dict[str, Any]]] = [
        (["sample", "--rows", "9000"], {"quarantined": 0}),
        (["load", str(customers)], {"rows": 3_000}),
        (["train", "--as-of", "2025-06-30", *plain], {"version": 1}),
        (["validate"], {"verdict": "accepted"}),
        (["promote", "--release", "v1.0.0"], {"moved": True}),
        (["score"], {"model_version": 1}),
        (["report", "--output", str(tmp_path / "reports")], {"version": 1}),
    ]
    for words, expected in lives:
        assert run([*words, "--store", at, "--json"]) == 0
        said = facts(capfd)
        assert said["step"] == words[0]
        assert expected.items() <= said.items()


def test_facts_are_one_line_for_people(at: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sample", "--rows", "300", "--store", at]) == 0
    out = capsys.readouterr().out
    assert re.fullmatch(r"sample: 300 rows in, 300 accepted, 0 quarantined; .*customers version 0\n", out)


def test_validation_shows_the_gates_and_exits_with_the_verdict(
    at: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["sample", "--rows", "9000", "--store", at])
    run(["train", "--as-of", "2025-06-30", "--set", "model.estimator=logistic", "--store", at])
    capsys.readouterr()
    assert run(["validate", "--set", "gates.floor.auc=0.95", "--store", at]) == 3
    shown = capsys.readouterr().out
    assert "validate: version 1 refused" in shown
    assert re.search(r"floor +refused", shown)
    assert re.search(r"calibration +accepted", shown)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["trian"], 2, "No such command 'trian'"),
        (["load", "nowhere.csv"], 2, "'nowhere.csv' does not exist"),
        (["train", "--sett", "x"], 2, "No such option"),
        (["train", "--set", "model.depth=3"], 2, "--set 'model.depth=3': no such key"),
        (["train", "--as-of", "yesterday"], 2, "'yesterday' is not a date; write YYYY-MM-DD"),
        (["score", "--snapshot", "2025-02-30"], 2, "'2025-02-30' is not a date"),
        (["train", "--store", "s3:bucket"], 2, "write local:FOLDER"),
        (["sample", "--rows", "-5"], 2, "-5"),
        (["validate", "--version", "0"], 2, "--version"),
        (["train"], 5, "has no table 'customers'"),
        (["promote"], 7, "'churn train' makes a challenger"),
    ],
)
def test_an_error_is_one_line_and_an_exit_code(
    words: list[str], code: int, message: str, at: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store = [] if "--store" in words or words == ["trian"] else ["--store", at]
    assert run([*words, *store]) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert re.match(r"error\[[A-Z]+\]: ", said.err)
    assert message in said.err


def test_an_error_is_json_too_when_asked(at: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["promote", "--store", at, "--json"]) == 7
    assert {"error": "CONFLICT", "code": 7}.items() <= facts(capsys).items()


def test_debug_adds_the_traceback(at: str, capsys: pytest.CaptureFixture[str]) -> None:
    run(["train", "--store", at])
    assert "Traceback" not in capsys.readouterr().err
    run(["train", "--store", at, "--debug"])
    assert "Traceback" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_this_machines_fault(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert run(["train", "--store", f"local:{tmp_path / 'file' / 'store'}"]) == 9
    assert "error[LOCAL]" in capsys.readouterr().err


def test_an_interrupt_ends_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_config", interrupted)
    assert run(["score", "--store", "local:.churn-never-made"]) == 130


def test_the_environment_may_name_the_store(
    at: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CHURN_STORE", at)
    assert run(["train"]) == 5
    assert at in capsys.readouterr().err


def test_exit_codes_are_distinct_and_leave_one_to_python() -> None:
    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ChurnError)
    ]
    codes = sorted(kind.code for kind in kinds if kind is not ChurnError)
    assert codes == [2, 3, 4, 5, 6, 7, 8, 9]
