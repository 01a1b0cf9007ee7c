"""What every piece of configuration has in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, Strict

Share = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
Money = Annotated[float, Field(ge=0)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$", max_length=60)]
Names = Annotated[tuple[str, ...], Strict(strict=False)]  # TOML writes a list


class Section(BaseModel):
    """A frozen piece of configuration in which every key is known."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
