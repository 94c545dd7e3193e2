"""The options of a hub model: given by name as plain values, read into a dataclass that has the published ones.

Not here: what the options mean (the dataclass of each space).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, TypeVar

from nascore.errors import SettingsError

from nas_trial.hub.entry import Option

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

OptionsT = TypeVar("OptionsT", bound="DataclassInstance")


def read_options(published: OptionsT, given: Mapping[str, Option]) -> OptionsT:
    """The published options with the given ones in their place; a whole number is taken where a fraction may stand.

    Raises:
        SettingsError: There is no such option, or its value is of another type than the published one.
    """
    known = asdict(published)
    for name, value in given.items():
        if name not in known:
            raise SettingsError(f"There is no option {name!r}.", hint=f"Options are {', '.join(known)}.")
        if not _is_of_type(value, type(known[name])):
            raise SettingsError(
                f"The option {name} is {value!r}.",
                hint=f"Give a value of type {type(known[name]).__name__}, such as {known[name]!r}.",
            )
    return replace(published, **given)


def check_known(option: str, value: str, known: Mapping[str, object]) -> None:
    """Refuses a text that names nothing.

    Raises:
        SettingsError: It does not; what there is is listed.
    """
    if value not in known:
        raise SettingsError(f"The option {option} is {value!r}.", hint=f"Write one of {', '.join(known)}.")


def check_positive(option: str, value: float) -> None:
    """Refuses a size that is not above zero.

    Raises:
        SettingsError: It is not.
    """
    if not value > 0:
        raise SettingsError(f"The option {option} is {value}.", hint="Give a number above zero.")


def check_even(option: str, value: int) -> None:
    """Refuses a width that cannot be halved.

    Raises:
        SettingsError: It cannot.
    """
    if value < 2 or value % 2:
        raise SettingsError(f"The option {option} is {value}.", hint="Give an even number of 2 or more.")


def _is_of_type(value: Option, wanted: type) -> bool:
    if wanted is bool or isinstance(value, bool):
        return wanted is bool and isinstance(value, bool)
    return isinstance(value, (int, float) if wanted is float else wanted)
