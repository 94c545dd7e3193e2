"""YAML that is nearly right: valid files whose lines were exchanged, doubled, dropped, indented and spoilt.

It knows YAML's traps: aliases that multiply, tags that name Python objects, merge keys, tabs, documents after each
other, scalars that are no text (``no``, ``1:30``, ``0o7``), and files that are not UTF-8.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from nascore.testing.fuzz.corners import JSON_NUMBERS, TEXTS
from nascore.testing.fuzz.edits import picked, torn

_SCALARS: tuple[str, ...] = (
    *JSON_NUMBERS,
    *(text for text in TEXTS if "\n" not in text and len(text) < 400),
    "~", "no", "yes", "on", "off", "True", "NULL", ".nan", ".inf", "-.INF", "0o17", "0b1", "0xff", "1:30:00", "1_000",
    "2001-12-14", "2001-12-14T21:59:43.10-05:00", "=", "<<", "? a", "- a", "- - - a", "[a, b", "{a: b", "[", "{", "]",
    "}", "[]", "{}", "{a: 1, a: 2}", "{<<: *a}", "{[a]: b}", "{? : }", "&a 1", "*a", "*none", "&a [*a]", "&a {b: *a}",
    "!!python/object/apply:os.system [id]", "!!python/name:os.system", "!!binary aGk=", "!!set {a}", "!!omap [a: 1]",
    "!!float 1", "!!timestamp 1", "!local a", "!", "!<tag:x> a", "!!int a", "|", ">", "|2-", ">9", "|\n  a\n b",
    ">-\n\ta", "'", '"', "'a", '"a\\x0"', '"\\ud800"', '"\\U0010FFFF"', '"\\UFFFFFFFF"', "@a", "`a`", "%a", "a: b: c",
    "a #b", "#", "...", "---", "1h", "90s", "24h30m", "1d" * 2000, "0s", "-1s", "1e999s", "none", "0,1", "0,0", "-1",
    "trial.py", "space.json", "missing.py", "~/x", "random", "evolution", "[a, a]", "[{metric: a}, {metric: a}]",
)  # fmt: skip
_LINES: tuple[str, ...] = (
    "\t", "\ta: b", " ", "  a: b", "- a", "-", "?", ":", "<<: *a", "<<: {a: 1}", "<<: [{a: 1}, {b: 2}]", "<<: 3",
    "a: &a [x]", "b: *a", "%YAML 1.1", "%YAML 9.9", "%TAG ! tag:x,2000:", "---", "...", "--- !!map", "# a", "'a': b",
    '"a": b', "? [a, b]\n: c", "1: a", "null: a", "true: a", "1.5: a", "~: a", "=: a", "\ufeff", "\x85a: b", "a: |",
    "debug: true", "trainingService: {platform: local}", "optimizeMode: maximize", "maxTrialNumber: 3",
)  # fmt: skip
_BOMB = "".join(f"x{level}: &x{level} [{', '.join([f'*x{level - 1}'] * 9)}]\n" for level in range(1, 9))
_WHOLE: tuple[str, ...] = (
    "",
    "x0: &x0 [a, b]\n" + _BOMB,
    "x0: &x0 {a: 1}\n" + "".join(f"x{level}: &x{level} {{<<: *x{level - 1}, b{level}: 1}}\n" for level in range(1, 80)),
    "a: " + "[" * 33 + "]" * 33,
    "a: " + "[" * 2000,
    "a: " + "{a: " * 400 + "}" * 400,
    "".join(f"{' ' * level}a:\n" for level in range(200)),
    "- " * 500 + "a",
    "? " * 500 + "a",
    "&a " * 100 + "x",
    "!a " * 100 + "x",
    "a: '" + "x" * 20_000,
    "a: " + '"' + "\\x41" * 2000 + '"',
    "a: " + "9" * 20_000,
    "a: " + "1:" * 3000 + "1",
    "a: 0b" + "1" * 20_000,
    "a:\n" + "  - b\n" * 3000,
    "".join(f"a{number}: 1\n" for number in range(2000)),
    "a: 1\n" * 50,
    "#" * 20_000,
    "\n" * 20_000,
    "--- a\n" * 300,
)
_ENCODINGS = ("utf-8-sig", "utf-16", "utf-16-be", "utf-32", "latin-1", "cp1252", "utf-7")


class YamlTexts:
    """Makes files that are nearly YAML of some kind.

    Args:
        documents: Valid files; short ones make fast campaigns.
        keys: Names that the reader knows.
    """

    def __init__(self, documents: Sequence[str], *, keys: Sequence[str] = ()) -> None:
        self._documents = tuple(tuple(document.splitlines()) for document in documents)
        self._lines = (*sorted({line for document in self._documents for line in document}), *_LINES)
        self._keys = (*keys, "a", "<<", "", "'a", "[a]", "*a", "&a a", "é", "\x00")

    def __call__(self, rng: random.Random) -> bytes:
        """Return the next file."""
        kind = rng.random()
        if kind < 0.001:
            text = picked(_WHOLE, rng)
        else:
            lines = list(self._documents[int(rng.random() * len(self._documents))])
            self._change(lines, rng)
            while rng.random() < 0.4 and lines:
                self._change(lines, rng)
            text = "\n".join(lines) + "\n"
        return _encoded(torn(text, rng) if kind > 0.96 else text, rng)

    def _change(self, lines: list[str], rng: random.Random) -> None:
        kind = rng.random()
        place = int(rng.random() * len(lines))
        key, colon, _ = lines[place].partition(":")
        if kind < 0.5:
            lines[place] = f"{key}{colon} {picked(_SCALARS, rng)}"
        elif kind < 0.62:
            lines.insert(place, picked(self._lines, rng))
        elif kind < 0.72:
            lines.insert(place, f"{picked(self._keys, rng)}: {picked(_SCALARS, rng)}")
        elif kind < 0.8:
            lines[place] = lines[place].replace(key.strip(), picked(self._keys, rng), 1)
        elif kind < 0.86:
            lines[place] = picked((" ", "  ", "\t", "- ", "? ", "# ", "&a ", "!!str "), rng) + lines[place]
        elif kind < 0.92:
            lines.insert(place, lines[place])
        else:
            del lines[place]


def _encoded(text: str, rng: random.Random) -> bytes:
    raw = text.encode("utf-8", "surrogatepass")
    kind = rng.random()
    if kind < 0.96:
        return raw
    if kind < 0.98:
        return text.encode(picked(_ENCODINGS, rng), "replace")
    place = int(rng.random() * (len(raw) + 1))
    return (
        raw[:place]
        + picked((b"\x00", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\r", b"\x1b"), rng)
        + raw[place:]
    )
