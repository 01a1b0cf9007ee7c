"""Synthetic customers with known true effects → contract → customers."""

from churn.config import Config
from churn.data.intake import Intake, admit
from churn.data.sample import sample_customers
from churn.data.store import Store


def sample(store: Store, config: Config, rows: int, months: int, seed: int, drift: float) -> Intake:
    """Draw customers and load them as a file would be; the same arguments give the same rows."""
    frame = sample_customers(rows=rows, months=months, seed=seed, drift=drift)
    return admit(
        store, config.problem, frame, source=f"sample rows={rows} months={months} seed={seed} drift={drift}"
    )
