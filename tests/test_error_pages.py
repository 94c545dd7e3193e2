"""Every reason has its row in docs/errors.md, and every row a reason."""

import re
from pathlib import Path

from nascore.v1 import error_pb2

PAGE = Path(__file__).resolve().parent.parent / "docs" / "errors.md"


def test_the_page_lists_the_closed_list_of_reasons() -> None:
    rows = set(re.findall(r"^\| `([A-Z_]+)` \|", PAGE.read_text(), re.MULTILINE))
    reasons = {name.removeprefix("ERROR_REASON_") for name in error_pb2.ErrorReason.keys()}  # noqa: SIM118 - no dict
    assert rows == reasons - {"UNSPECIFIED"}
