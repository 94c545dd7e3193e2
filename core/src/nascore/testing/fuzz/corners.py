"""Values at the corners, where readers break: numbers, texts and integers that somebody once forgot.

Not here: where they are put (``json_texts``, ``yaml_texts``, ``wire_bytes``, ``messages``).
"""

from __future__ import annotations

import math

REALS: tuple[float, ...] = (
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.1,
    5e-324,
    2.2250738585072014e-308,
    1.7976931348623157e308,
    -1.7976931348623157e308,
    1e16,
    2.0**53 + 2,
    2.0**63,
    2.0**64,
    3.4028236e38,
    math.nan,
    math.inf,
    -math.inf,
)
"""Doubles: zeros, the smallest and the largest, bounds of integers, and those that are no numbers."""

INTEGERS: tuple[int, ...] = (
    0,
    1,
    -1,
    2,
    3,
    7,
    127,
    128,
    255,
    256,
    1000,
    1001,
    65_535,
    2**31 - 1,
    2**31,
    -(2**31),
    2**32 - 1,
    2**32,
    2**53 - 1,
    2**53,
    2**53 + 1,
    2**63 - 1,
    2**63,
    -(2**63),
    -(2**63) - 1,
    2**64 - 1,
    2**64,
)
"""Integers around the bounds of what 8, 32, 53 and 64 bits hold, and small ones that may be right."""

JSON_NUMBERS: tuple[str, ...] = (
    *(str(number) for number in INTEGERS),
    *(repr(number) for number in REALS if math.isfinite(number)),
    "NaN",
    "Infinity",
    "-Infinity",
    "1e400",
    "-1e400",
    "1e-400",
    "1E+2",
    "0e0",
    "-0",
    "-0.0",
    "01",
    "+1",
    "1.",
    ".5",
    "0x10",
    "1_000",
    "1e",
    "9" * 400,
    "9" * 5000,
    "1" + "0" * 308 + ".0",
    "0." + "0" * 400 + "1",
)
"""Numbers as texts, those that JSON forbids and those that no machine number holds included."""

TEXTS: tuple[str, ...] = (
    "",
    " ",
    "a",
    "op",
    "last",
    "\x00",
    "a\x00b",
    "\x7f",
    "\x1b[2J",
    "\n",
    "\r\n",
    "\u2028",
    "\u202e",
    "\ufeff",
    "\ud800",
    "\udfff\ud800",
    "é",
    "e\u0301",
    "İ",
    "ß",
    "𝔸",
    "🧠",
    "../../etc/passwd",
    "..\\..\\x",
    "/",
    "//",
    "a/b",
    "%2e%2e%2f",
    "%",
    "%zz",
    "[0]",
    "x[-1]",
    "x[99999999999999999999]",
    "null",
    "true",
    "NaN",
    "-inf",
    "1e999",
    "{}",
    "[]",
    "'",
    '"',
    "${HOME}",
    "$(id)",
    "; rm x",
    "<script>",
    "{0.__class__}",
    "%s%n",
    "a" * 257,
    "a" * 1025,
    "é" * 5000,
    "/" * 300,
)
"""Texts that end a line, a path, a quotation or a buffer where nobody expected it."""

ENCODABLE_TEXTS: tuple[str, ...] = tuple(
    text for text in TEXTS if not any("\ud800" <= character <= "\udfff" for character in text)
)
"""Those that UTF-8 can hold, as protobuf demands."""
