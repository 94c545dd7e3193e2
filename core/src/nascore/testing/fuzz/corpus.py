"""Inputs that once made something fail, kept as small text files so that no defect comes back.

A file holds one JSON object: the format, what was found, and the input as text or, for bytes, as base64.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nascore.errors import InvalidInputError

_LARGEST = 64 * 1024


@dataclass(frozen=True, slots=True)
class KeptInput:
    """An input that was kept.

    Attributes:
        format: Name of the format that it belongs to.
        found: What it did when it was found.
        text: The input.
    """

    format: str
    found: str
    text: str | bytes


def keep_input(folder: Path, kept: KeptInput) -> Path | None:
    """Write an input into a folder of its format, and return the file; ``None`` if it is too large to be kept."""
    raw = kept.text.encode("utf-8", "surrogatepass") if isinstance(kept.text, str) else kept.text
    if len(raw) > _LARGEST:
        return None
    document = {"found": kept.found}
    if isinstance(kept.text, str):
        document["text"] = kept.text
    else:
        document["base64"] = base64.b64encode(kept.text).decode("ascii")
    file = folder / kept.format / f"{hashlib.sha256(raw).hexdigest()[:12]}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return file


def kept_inputs(folder: Path) -> Iterator[KeptInput]:
    """Yield all inputs that are kept in a folder, by format and name.

    Raises:
        InvalidInputError: A file holds no input.
    """
    for file in sorted(folder.glob("*/*.json")):
        try:
            document = json.loads(file.read_text(encoding="utf-8"))
            text = document["text"] if "text" in document else base64.b64decode(document["base64"], validate=True)
            yield KeptInput(file.parent.name, document["found"], text)
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidInputError(f"{file} holds no input: {error!r}.", hint="Delete it, or keep it anew.") from error
