"""The three declared files: what is predicted, how, and when it is good enough.

Typed and frozen; a missing, unknown or impossible value is an error that names file, key and value.
"""

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError, model_validator

from churn.config.gates import Gates
from churn.config.model import Model
from churn.config.problem import Problem
from churn.config.section import Section
from churn.errors import UsageError

__all__ = ["Config", "Gates", "Model", "Problem", "digest", "load_config"]


class Config(Section):
    """The three files together."""

    problem: Problem
    model: Model
    gates: Gates

    @property
    def features(self) -> tuple[str, ...]:
        """The columns the model is fitted on, in the order of problem.toml."""
        kept = self.model.features or tuple(self.problem.columns)
        return tuple(
            name for name in self.problem.columns if name in kept and name not in self.model.excluded
        )

    @model_validator(mode="after")
    def _features_exist(self) -> Self:
        for name in (*self.model.features, *self.model.excluded):
            if name not in self.problem.columns:
                raise ValueError(f"model.toml: {name!r} is not a column of problem.toml")
        if not self.features:
            raise ValueError("model.toml: excluded leaves no feature")
        return self


def load_config(overrides: list[str] | None = None, folder: Path | None = None) -> Config:
    """Read the three files, with overrides such as ``model.boosting.max_iter=80`` applied.

    Raises UsageError naming file, key and value when anything is missing, unknown or impossible.
    """
    folder = folder or Path(__file__).parent
    raw = {name: _read(folder / f"{name}.toml") for name in ("problem", "model", "gates")}
    for override in overrides or []:
        _override(raw, override)
    try:
        return Config.model_validate(raw)
    except ValidationError as error:
        raise UsageError(_sentence(error)) from error


def digest(section: Section) -> str:
    """SHA-256 of a section's values, independent of comments, order and layout of its file."""
    canonical = json.dumps(section.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path.name}: {error}") from error


def _override(raw: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    *parents, last = key.split(".")
    section: Any = raw
    for name in parents:
        section = section.get(name) if isinstance(section, dict) else None
    if not equals or not isinstance(section, dict) or last not in section:
        raise UsageError(
            f"--set {override!r}: no such key; write FILE.KEY=VALUE, as in model.boosting.max_iter=80"
        )
    try:
        read = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        read = {}
    section[last] = read["value"] if set(read) == {"value"} else text


def _sentence(error: ValidationError) -> str:
    problems = []
    for found in error.errors():
        file, *keys = [str(part) for part in found["loc"]] or [""]
        where = f"{file}.toml: {'.'.join(keys)}: ".replace(": : ", ": ") if file else ""
        given = "" if found["type"] in {"missing", "value_error"} else f", found {found['input']!r}"
        said = {"extra_forbidden": "unknown key", "missing": "missing key"}.get(found["type"], found["msg"])
        problems.append(f"{where}{said.removeprefix('Value error, ')}{given}")
    return "; ".join(problems)
