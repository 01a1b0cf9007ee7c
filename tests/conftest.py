"""One snapshot of the template and one baked project, shared by the tests that only read them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.template import ROOT, bake, snapshot

GOLDEN = Path(__file__).parent / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write what was seen to tests/golden")


@pytest.fixture(scope="package")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return snapshot(ROOT, tmp_path_factory.mktemp("snapshot") / "template")


@pytest.fixture
def bad_copy(tmp_path: Path) -> Path:
    """A copy of the template for a test to spoil."""
    return snapshot(ROOT, tmp_path / "bad-copy")


@pytest.fixture(scope="package")
def baked(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bake(template, tmp_path_factory.mktemp("baked"))


@pytest.fixture
def matches_golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with a committed one; `pytest --update-golden` accepts what was seen."""

    def compare(name: str, seen: str) -> None:
        if request.config.getoption("--update-golden"):
            GOLDEN.mkdir(exist_ok=True)
            (GOLDEN / name).write_text(seen, "utf-8")
        assert seen == (GOLDEN / name).read_text("utf-8"), "pytest --update-golden accepts what was seen"

    return compare
