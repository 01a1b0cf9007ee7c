"""Who may import whom: steps import the rooms, rooms never import steps, outside libraries stay in theirs."""

import ast
from collections.abc import Iterator
from pathlib import Path

import churn

PACKAGE = Path(churn.__file__).parent
MODULES = {
    "churn." + ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
}
ROOMS = ("config", "data", "modelling", "governance")
HEAVY = {
    "pandas",
    "numpy",
    "sklearn",
    "scipy",
    "mlflow",
    "pyarrow",
    "deltalake",
    "pandera",
    "matplotlib",
    "pydantic",
    "rich",
}

# Where a library may be imported, whether at the top or inside a function.
HOMES = {
    "mlflow": {"churn.governance.registry"},
    "skops": {"churn.governance.registry"},
    "deltalake": {"churn.data.store"},
    "pyspark": {"churn.data.store"},
    "matplotlib": {"churn.governance.plots", "churn.governance.report"},
    "typer": {"churn.cli"},
    "argparse": set(),
    "databricks": set(),
}


def imports(path: Path, top_only: bool = False) -> Iterator[str]:
    """The modules a file imports, also inside functions, but not those that only a type checker sees."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body if top_only else _run(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _run(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        yield child
        yield from _run(child)


def breaches(modules: dict[str, Path]) -> list[str]:
    return [
        f"{module} imports {found}"
        for module, path in sorted(modules.items())
        for found in sorted(set(imports(path)))
        if _forbidden(module, found)
    ]


def _forbidden(module: str, found: str) -> bool:
    library = found.split(".")[0]
    if library in HOMES:
        return module not in HOMES[library]
    if found.startswith("churn.steps"):
        return module not in {"churn.cli", "churn.steps.demo"}
    if found.startswith("churn.") and module.startswith("churn.config"):
        return not found.startswith(("churn.config", "churn.errors"))
    return found.startswith("churn.cli")


def test_imports_keep_to_the_layers() -> None:
    assert len(MODULES) > 25
    assert breaches(MODULES) == []


def test_a_breach_of_each_rule_is_found(tmp_path: Path) -> None:
    cases = {
        "churn.data.store": "from churn.steps.train import train",
        "churn.steps.train": "def f():\n    from churn.steps.load import load",
        "churn.config": "from churn.data import store",
        "churn.modelling.model": "import mlflow.sklearn",
        "churn.steps.score": "from churn import cli",
    }
    for place, (module, line) in enumerate(cases.items()):
        path = tmp_path / f"{place}.py"
        path.write_text(line)
        assert breaches({module: path}), module


def test_only_the_command_line_reads_arguments_and_environment() -> None:
    readers = {
        module
        for module, path in MODULES.items()
        for text in [path.read_text(encoding="utf-8")]
        if "os.environ" in text or "sys.argv" in text or "getenv" in text
    }
    assert readers == {"churn.cli"}


def test_the_command_line_imports_nothing_heavy_at_the_top() -> None:
    light = {"churn.cli", "churn.errors", "churn.terminal", "churn"}
    found = {
        name.split(".")[0]
        for module in light & set(MODULES)
        for name in imports(MODULES[module], top_only=True)
    }
    assert "typer" in found
    assert not found & HEAVY


def test_modules_do_nothing_when_imported() -> None:
    """At the top stand definitions, imports, constants; a bare call would be an effect."""
    calls = [
        f"{module}: {ast.unparse(node)[:60]}"
        for module, path in MODULES.items()
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    ]
    assert calls == []
