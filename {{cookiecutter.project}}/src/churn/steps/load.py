"""File → contract → customers, with refused rows in quarantine."""

from pathlib import Path

from churn.config import Config
from churn.data.intake import Intake, admit, read_file
from churn.data.store import Store


def load(store: Store, config: Config, path: Path) -> Intake:
    """Load a CSV or Parquet file; loading it again changes nothing."""
    frame, content_digest = read_file(path)
    return admit(store, config.problem, frame, source=f"{path.name} sha256:{content_digest}")
