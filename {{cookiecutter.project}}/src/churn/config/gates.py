"""When is it good enough? The types of gates.toml."""

from typing import Annotated

from pydantic import Field

from churn.config.section import Count, Section, Share


class Holdout(Section):
    """How much of the labelled rows is never used to fit, tune or calibrate."""

    share: Share


class PassportLimits(Section):
    """How long evidence stays valid."""

    valid_days: Count


class EvidenceLimits(Section):
    """How much a holdout must be able to show."""

    events: Count
    standard_error: Share


class FloorLimits(Section):
    """The discrimination without which a model is not worth deploying."""

    auc: Share


class BaseRateLimits(Section):
    """The skill over predicting one share for everybody."""

    brier_skill: Annotated[float, Field(ge=0, lt=1)]


class ChampionLimits(Section):
    """What a challenger may lose against the champion."""

    margin: Share


class CalibrationLimits(Section):
    """How far probabilities may be from what happens."""

    slope_low: Share
    slope_high: Annotated[float, Field(gt=1)]
    ratio_low: Share
    ratio_high: Annotated[float, Field(gt=1)]


class SegmentLimits(Section):
    """What a model must do within each group."""

    auc: Share
    margin: Share
    per_class: Count


class LeakageLimits(Section):
    """What is too good to be true."""

    feature_auc: Share
    auc: Share


class Gates(Section):
    """When it is good enough: gates.toml."""

    holdout: Holdout
    passport: PassportLimits
    evidence: EvidenceLimits
    floor: FloorLimits
    base_rate: BaseRateLimits
    champion: ChampionLimits
    calibration: CalibrationLimits
    segments: SegmentLimits
    leakage: LeakageLimits
