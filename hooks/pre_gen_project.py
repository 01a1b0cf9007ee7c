"""Refuse answers that would make a broken project, before a file of it is written.

cookiecutter renders this file before it runs: the one tag in `main` brings all answers in as JSON.
"""

import json
import keyword
import re
import sys
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path

# YAML 1.1 reads these as yes, no or nothing.
YAML_WORDS = set("y yes n no true false on off null".split())
WINDOWS_DEVICES = set("con prn aux nul".split()) | {port + n for port in ("com", "lpt") for n in "123456789"}
LIBRARIES = set(
    "cookiecutter databricks databricks-sdk deltalake hypothesis jinja2 markupsafe matplotlib mlflow"
    " mlflow-skinny mypy numpy pandas pandas-stubs pandera pyarrow pydantic pyspark pytest pytest-cov"
    " pytest-xdist ruff scikit-learn scipy scipy-stubs skops sklearn typer uv uv-build".split()
)
PYTHON_WORDS = {word.lower() for word in keyword.kwlist} | sys.stdlib_module_names | {"test", "tests"}
RESERVED = PYTHON_WORDS | LIBRARIES | WINDOWS_DEVICES | YAML_WORDS


def project_advice(value: str) -> str | None:
    """What a project should be called, or None when it is called so."""
    if not (3 <= len(value) <= 50 and re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", value)):
        return "use 3 to 50 lowercase letters, digits and single hyphens, a letter first, such as acme-churn"
    if value in RESERVED:
        return "is taken by Python, a library, YAML or Windows; add a word, such as acme-churn"
    return None


def description_advice(value: str) -> str | None:
    """What a description should look like, or None when it is safe to stand in Markdown."""
    if not 1 <= len(value) <= 200 or value != value.strip() or not value[0].isalnum():
        return "use one line of 1 to 200 characters, a letter or digit first, no blank at either end"
    # C* are control, format (bidi, zero width), surrogate and unassigned characters; Zl and Zp break lines.
    if re.search("C|Zl|Zp", " ".join(map(unicodedata.category, value))):
        return "leave out control and invisible characters"
    if re.search(r"[{}`<>|]", value):
        return "leave out braces, backticks, angle brackets and pipes, which Markdown or Jinja would act on"
    return None


def host_advice(value: str) -> str | None:
    """What a workspace address should look like, or None when it is one."""
    label = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
    top = r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?"
    if len(value) > 261 or not re.fullmatch(rf"https://({label}\.)+{top}", value):
        return "use https:// and a host name in lowercase, no user, port, path or slash after it"
    return None


def catalog_advice(value: str) -> str | None:
    """What a catalog should be called, or None when it is called so."""
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", value):
        return "use 1 to 63 lowercase letters, digits and underscores, no digit first"
    if value in YAML_WORDS:
        return "is a word that YAML reads as yes, no or nothing; choose another"
    return None


ADVICE: dict[str, Callable[[str], str | None]] = {
    "project": project_advice,
    "description": description_advice,
    "staging_host": host_advice,
    "production_host": host_advice,
    "staging_catalog": catalog_advice,
    "production_catalog": catalog_advice,
}


def shown(value: object) -> str:
    """The value in ASCII on one line, so that look-alike and invisible characters can be seen."""
    text = ascii(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def problems(answers: Mapping[str, object]) -> list[str]:
    """All that is wrong with the answers, a line each: which answer, its value, what would be right."""
    found = []
    for name, advice in ADVICE.items():
        value = answers[name]
        wrong = advice(value) if isinstance(value, str) else "give one line of text"
        if wrong:
            found.append(f"{name}: {shown(value)}: {wrong}")
    if answers["staging_catalog"] == answers["production_catalog"]:
        catalog = shown(answers["production_catalog"])
        found.append(f"production_catalog: {catalog}: use another catalog than staging_catalog")
    return found


def main() -> None:
    """Print all problems and stop, or let cookiecutter go on."""
    # Single quotes, since JSON needs the double ones and tojson writes \u0027 for the others.
    answers = json.loads(r'{{ cookiecutter | tojson }}')  # fmt: skip
    answers["project"] = answers["__typed_project"]
    found = problems(answers)
    if found:
        sys.exit("\n".join(found))
    if not any(Path().iterdir()):
        # A new folder: the post hook may clean up, since nothing in it can be the user's.
        Path(".baking").touch()


if __name__ == "__main__":
    main()
