"""What the README shows is what the commands print."""

import re
import subprocess

from tests.template import ROOT


def shown() -> list[str]:
    """The lines of the README's picture of the demo."""
    found = re.search(
        r"what the demo tells.*?```\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL
    )
    assert found
    return found[1].splitlines()


def same(line: str) -> str:
    """A line without its layout, which follows the width of the terminal."""
    return "".join(letter for letter in line if letter.isalnum() or letter in "+-.<>,:$")


def test_the_demo_tells_what_the_readme_shows_and_where_the_report_lies() -> None:
    ended = subprocess.run(["make", "demo"], cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    told = same(ended.stdout)
    lines = [line for line in shown() if same(line)]
    assert len(lines) >= 10
    assert [line for line in lines if same(line) not in told] == []
    report = re.search(r"the report of what serves in production: (\S+\.html)", ended.stdout)
    assert report
    assert (ROOT / report[1]).read_text("utf-8").lower().startswith("<!doctype html>")


def test_the_first_command_stands_within_ten_lines() -> None:
    top = (ROOT / "README.md").read_text("utf-8").splitlines()[:10]
    assert any(line.startswith("make demo") for line in top)
