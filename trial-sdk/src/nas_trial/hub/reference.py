"""A space of the hub as text: ``hub:darts?width=8&layers=5``.

Not here: which spaces there are (``catalogue``), and making their models (``nas_trial.hub``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode

from nascore.errors import SettingsError

from nas_trial.hub.catalogue import get, suggestion
from nas_trial.hub.entry import HubSpace, Option

SCHEME = "hub:"
_FIT = ("classes", "channels")
_TRUTHS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Reference:
    """A space of the hub, with what is said of its model.

    Attributes:
        name: The name of the space.
        options: Options of its model that differ from the published ones.
        classes: Number of classes; ``None`` for those of the data.
        channels: Number of channels of an image; ``None`` for those of the data.
    """

    name: str
    options: Mapping[str, Option] = field(default_factory=dict)
    classes: int | None = None
    channels: int | None = None

    @property
    def space(self) -> HubSpace:
        """The space."""
        return get(self.name)

    def __str__(self) -> str:
        fit = {name: value for name in _FIT if (value := getattr(self, name)) is not None}
        given = {name: _written(value) for name, value in {**self.options, **fit}.items()}
        return f"{SCHEME}{self.name}{'?' if given else ''}{urlencode(given)}"


def parse(text: str) -> Reference:
    """Reads a reference, such as ``hub:darts`` or ``hub:darts?width=8&layers=5``.

    Raises:
        SettingsError: It is none, or names an option that the model does not have, or not such a value.
        UnknownSpaceError: There is no such space; says what it may have been.
    """
    if not text.startswith(SCHEME):
        raise SettingsError(f"{text!r} is no space of the hub.", hint="Write for example hub:darts.")
    name, _, query = text.removeprefix(SCHEME).partition("?")
    space = get(name)
    given: dict[str, Option] = {}
    for option, value in _pairs(text, query):
        if option in given:
            raise SettingsError(f"{text!r} gives {option} twice.", hint="Keep one of them.")
        given[option] = _value(space, option, value)
    fit = {each: int(given.pop(each)) for each in _FIT if each in given}
    return Reference(name, given, **fit)


def _pairs(text: str, query: str) -> list[tuple[str, str]]:
    if not query:
        return []
    try:
        return parse_qsl(query, keep_blank_values=True, strict_parsing=True, max_num_fields=100)
    except ValueError as error:
        hint = "Write options as in hub:darts?width=8&layers=5."
        raise SettingsError(f"{text!r} cannot be read: {error}.", hint=hint) from error


def _value(space: HubSpace, option: str, text: str) -> Option:
    """The value of an option, of the type of its published value."""
    known = {**dict.fromkeys(_FIT, 1), **space.options}
    if option not in known:
        raise SettingsError(f"hub:{space.name} has no option {option!r}.", hint=suggestion(option, tuple(known)))
    published = known[option]
    try:
        if isinstance(published, bool):
            return _TRUTHS[text.lower()]
        value = type(published)(text)
    except (ValueError, LookupError):
        kind = "true or false" if isinstance(published, bool) else f"a value such as {published!r}"
        raise SettingsError(f"The option {option} of hub:{space.name} is {text!r}.", hint=f"Write {kind}.") from None
    if option in _FIT and isinstance(value, int) and value < 1:
        raise SettingsError(f"{option} is {value}.", hint="Write a number above zero.")
    return value


def _written(value: Option) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
