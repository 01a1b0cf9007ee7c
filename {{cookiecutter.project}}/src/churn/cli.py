"""The command line: one command per step, and the only reader of arguments and environment.

Every command prints one line of facts, or one JSON object with --json. Errors are one line on stderr, and
the exit code says what kind (see errors.py). Steps are imported when they run, so that help answers at once.
"""

import dataclasses
import json
import os
import sys
import traceback
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from churn.errors import ChurnError, LocalError, UsageError

if TYPE_CHECKING:
    from churn.config import Config
    from churn.data.store import Store

# The base of typer's own errors; its newer versions no longer expose click, where older ones keep it.
CommandLineError: type[Exception] = typer.BadParameter.__mro__[2]

# MLflow asks these when it is imported: no telemetry, no guessing of requirements, no git client.
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_UV_AUTO_DETECT": "false",
    "MLFLOW_SKIP_PIP_REQUIREMENTS_CHECK": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}

StoreOption = Annotated[
    str, typer.Option("--store", envvar="CHURN_STORE", help="Where tables and models live: local:FOLDER.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object of facts, and nothing else.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="Override one value, as in model.boosting.max_iter=80.")
]
VersionOption = Annotated[
    int | None, typer.Option("--version", min=1, help="A model version; the challenger if absent.")
]
DEFAULT_STORE = "local:.churn"

app = typer.Typer(
    help="A churn model from data to rollback, through gates that are shown to refuse.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.command("sample")
def sample_command(
    rows: Annotated[int, typer.Option(help="Customers in all.")] = 12_000,
    months: Annotated[int, typer.Option(help="Monthly snapshots; the last one has no labels yet.")] = 15,
    seed: Annotated[int, typer.Option(help="The same seed draws the same customers.")] = 7,
    drift: Annotated[
        float, typer.Option(help="How far the population moves: 0 not at all, 1 strongly.")
    ] = 0.0,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Draw synthetic customers with known true effects."""
    from churn.steps.sample import sample

    _say("sample", sample(_store(store), _config(), rows, months, seed, drift), as_json)


@app.command("load")
def load_command(
    file: Annotated[Path, typer.Argument(help="A .csv or .parquet file.", exists=True, dir_okay=False)],
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Load a file through the data contract."""
    from churn.steps.load import load

    _say("load", load(_store(store), _config(), file), as_json)


@app.command("train")
def train_command(
    as_of: Annotated[
        str, typer.Option("--as-of", help="The day, YYYY-MM-DD, at which labels are known; today.")
    ] = "",
    settings: SetOption = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Fit, calibrate and register a challenger."""
    from churn.steps.train import train

    _say("train", train(_store(store), _config(settings), _date(as_of) or datetime.now(UTC).date()), as_json)


@app.command("validate")
def validate_command(
    version: VersionOption = None,
    settings: SetOption = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Ask every gate about the challenger, and seal its passport."""
    from churn.steps.validate import validate

    _say("validate", validate(_store(store), _config(settings), version), as_json)


@app.command("promote")
def promote_command(
    version: VersionOption = None,
    release: Annotated[str, typer.Option(help="The release tag this promotion belongs to.")] = "",
    settings: SetOption = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Make the challenger champion, if its passport allows."""
    from churn.steps.promote import promote

    _say("promote", promote(_store(store), _config(settings), version, release), as_json)


@app.command("rollback")
def rollback_command(
    version: Annotated[
        int | None, typer.Option("--version", min=1, help="The version to take back; the champion if absent.")
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Return to the champion before the present one."""
    from churn.steps.rollback import rollback

    _say("rollback", rollback(_store(store), version), as_json)


@app.command("score")
def score_command(
    snapshot: Annotated[str, typer.Option(help="The snapshot, YYYY-MM-DD; the newest if absent.")] = "",
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Score a snapshot with the champion."""
    from churn.steps.score import score

    _say("score", score(_store(store), _config(), _date(snapshot)), as_json)


@app.command("report")
def report_command(
    version: Annotated[
        int | None, typer.Option("--version", min=1, help="A model version; the champion if absent.")
    ] = None,
    output: Annotated[Path, typer.Option(help="The folder to write into.", file_okay=False)] = Path(
        "reports"
    ),
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Write the HTML report of a model version."""
    from churn.steps.report import report

    _say("report", report(_store(store), output, version), as_json)


@app.command("demo")
def demo_command(
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Live through it on a file of yours.", exists=True, dir_okay=False),
    ] = None,
    store: StoreOption = "local:.churn/demo",
    as_json: JsonOption = False,
) -> None:
    """The whole life in about a minute: data, gates, promotion, a saboteur, release, rollback."""
    # The fits are small: on shared cores boosting's threads would mostly wait for each other.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from churn.steps.demo import demo

    _say("demo", demo(store, _config(), data, quiet=as_json), as_json)


def main() -> None:
    """Run the command that the process was started with."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; ``--debug`` anywhere adds the traceback to an error."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    words = [word for word in arguments if word != "--debug"]
    try:
        return int(app(words, prog_name="churn", standalone_mode=False) or 0)
    except (ChurnError, OSError, CommandLineError) as error:
        if "--debug" in arguments:
            traceback.print_exc()
        return _fail(_as_churn_error(error), as_json="--json" in words)
    except (KeyboardInterrupt, typer.Abort):
        return 130


def _say(step: str, result: Any, as_json: bool) -> None:
    from churn.terminal import show

    facts = {"step": step, **dataclasses.asdict(result)}
    if as_json:
        sys.stdout.write(json.dumps(facts, default=str, allow_nan=False) + "\n")
    else:
        show(step, result)
    code = getattr(result, "code", 0)
    if code:
        raise typer.Exit(code)


def _fail(error: ChurnError, as_json: bool) -> int:
    sentence = " ".join(str(error).split())
    if as_json:
        sys.stdout.write(json.dumps({"error": error.kind, "code": error.code, "message": sentence}) + "\n")
    sys.stderr.write(f"error[{error.kind}]: {sentence}\n")
    return error.code


def _as_churn_error(error: BaseException) -> ChurnError:
    if isinstance(error, ChurnError):
        return error
    if isinstance(error, OSError):
        return LocalError(f"{error.strerror or error}: {error.filename or 'this machine'}")
    return UsageError(getattr(error, "format_message", error.__str__)())


def _store(address: str) -> "Store":
    from churn.data.store import open_store

    return open_store(address)


def _config(settings: list[str] | None = None) -> "Config":
    from churn.config import load_config

    return load_config(settings)


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise UsageError(f"{text!r} is not a date; write YYYY-MM-DD") from error
