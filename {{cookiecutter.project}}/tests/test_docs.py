"""Documentation and code say the same: every command, gate and exit code has its place, and only those."""

import re
from pathlib import Path

from churn import errors
from churn.cli import app
from churn.config import load_config
from churn.errors import ChurnError
from churn.governance.gates import GATES

DOCS = Path(__file__).parents[1] / "docs"


def headings(name: str) -> list[str]:
    found = re.findall(r"^## (.+)$", (DOCS / name).read_text(encoding="utf-8"), re.MULTILINE)
    assert found
    return [str(heading) for heading in found]


def test_every_command_has_a_heading_in_the_order_of_the_help() -> None:
    commands = [command.name for command in app.registered_commands]
    described = [heading for heading in headings("pipeline.md") if heading != "Exit codes"]
    assert sorted(described) == sorted(str(name) for name in commands)


def test_every_gate_has_a_heading_in_the_order_they_are_asked() -> None:
    assert headings("gates.md") == list(GATES)


def test_every_exit_code_is_documented() -> None:
    table = re.findall(r"^\| (\d+) \|", (DOCS / "pipeline.md").read_text(encoding="utf-8"), re.MULTILINE)
    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ChurnError)
    ]
    assert sorted(map(int, table)) == sorted({0} | {kind.code for kind in kinds})


def test_the_limits_named_for_the_gates_are_the_limits_in_force() -> None:
    text, limits = (DOCS / "gates.md").read_text(encoding="utf-8"), load_config().gates
    for sentence in (
        f"At least {limits.evidence.events} leavers",
        f"must lie above {limits.floor.auc:.2f}",
        f"must lie above \N{MINUS SIGN}{limits.champion.margin:g}",
        f"outside {limits.calibration.slope_low:.2f} to {limits.calibration.slope_high:.2f}",
        f"below {limits.segments.auc:g}",
        f"fewer than {limits.segments.per_class} leavers",
        f"AUC of {limits.leakage.feature_auc:g}",
        f"reaches {limits.leakage.auc:g}",
    ):
        assert sentence in " ".join(text.split()), sentence


def test_every_number_in_the_gates_file_carries_its_reason() -> None:
    lines = (DOCS.parent / "src/churn/config/gates.toml").read_text(encoding="utf-8").splitlines()
    numbers = [line for line in lines if "=" in line.split("#")[0]]
    pairs = ("slope_", "ratio_")  # a reason at the lower end speaks for both
    bare = [line for line in numbers if "#" not in line and not line.startswith(pairs)]
    assert len(numbers) > 10
    assert bare == []
