"""What are we predicting? The types of problem.toml."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from churn.config.section import Count, Money, Name, Names, Section, Share


class Column(Section):
    """One column of the customers table and the rule its values obey."""

    kind: Literal["number", "flag", "category"]
    min: float | None = None
    max: float | None = None
    values: Names = ()
    missing: bool = False

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if (self.kind == "category") != bool(self.values):
            raise ValueError("values = [...] is required for a category, and only for a category")
        if self.kind != "number" and (self.min is not None or self.max is not None):
            raise ValueError("min and max belong to a number")
        if len({value.strip().casefold() for value in self.values}) != len(self.values):
            raise ValueError("values must differ in more than upper and lower case")
        if any(value != value.strip() or not value for value in self.values):
            raise ValueError("values must not be blank or begin or end with a blank")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min:g} is above max {self.max:g}")
        return self


class Label(Section):
    """The column to predict and the two words it is written with."""

    column: Name
    positive: str
    negative: str

    @model_validator(mode="after")
    def _words_differ(self) -> Self:
        words = {self.positive.strip().casefold(), self.negative.strip().casefold()}
        if len(words) < 2 or "" in words:
            raise ValueError("positive and negative are two different words; a blank label is an unknown one")
        return self


class Costs(Section):
    """Money per customer, against doing nothing."""

    customer_value: Money
    offer: Money
    contact: Money
    acceptance: Annotated[float, Field(gt=0, le=1)]

    @property
    def gain(self) -> float:
        """What contacting one leaver is worth: the share kept, less the offers they take and the contact."""
        return self.acceptance * (self.customer_value - self.offer) - self.contact

    @property
    def loss(self) -> float:
        """What contacting one stayer costs: the offer, which every stayer takes, and the contact."""
        return self.offer + self.contact

    @property
    def threshold(self) -> float:
        """The probability from which contacting a customer pays: loss / (gain + loss), in (0, 1).

        Source: Elkan (2001), The Foundations of Cost-Sensitive Learning, equation 2.
        """
        return self.loss / (self.gain + self.loss)

    @model_validator(mode="after")
    def _contacting_can_pay(self) -> Self:
        if self.gain <= 0 or self.loss <= 0:
            raise ValueError("contacting a leaver must be worth money and contacting a stayer must cost some")
        return self


class Limits(Section):
    """Shares of a frame beyond which all of it is refused."""

    quarantined_share: Share
    duplicate_share: Share


class Segments(Section):
    """The columns whose groups are judged one by one."""

    columns: Names


class Problem(Section):
    """What is predicted: problem.toml."""

    title: str
    entity: Name
    snapshot: Name
    horizon_days: Count
    grace_days: Annotated[int, Field(ge=0)]
    label: Label
    costs: Costs
    limits: Limits
    segments: Segments
    columns: dict[Name, Column]

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        reserved = {self.entity, self.snapshot, self.label.column}
        if len(reserved) < 3 or reserved & set(self.columns):
            raise ValueError(
                "entity, snapshot and label.column are three names that [columns] does not repeat"
            )
        for name in self.segments.columns:
            if name not in self.columns or self.columns[name].kind == "number":
                raise ValueError(f"segments.columns: {name!r} must be a flag or a category of [columns]")
        return self
