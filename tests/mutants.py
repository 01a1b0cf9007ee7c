"""Bad copies of the template. A check that was never seen failing may check nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

Check = Callable[[Path], None]


class Mutant(NamedTuple):
    """A check, and an edit of one file after which it must fail."""

    check: Check
    file: str
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.check.__name__}-{(self.new or self.old).strip()[:40]}"

    def must_be_noticed(self, copy: Path, layer: str = ".") -> None:
        """Make the edit in the file of a layer (no old text: at its end), and see the check fail."""
        file = copy / layer / self.file
        text = file.read_text("utf-8") if file.exists() else ""
        assert self.old in text, "there is something to spoil"
        file.write_text(text.replace(self.old, self.new) if self.old else text + self.new, "utf-8")
        with pytest.raises((AssertionError, SyntaxError, ValueError, yaml.YAMLError)):
            self.check(copy)


class Mutants(list[Mutant]):
    """The mutants of a module's checks, each declared above its check."""

    def fail(self, file: str, old: str, new: str) -> Callable[[Check], Check]:
        """Declare an edit that the decorated check must notice."""

        def declare(check: Check) -> Check:
            self.append(Mutant(check, file, old, new))
            return check

        return declare
