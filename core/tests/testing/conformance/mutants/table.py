"""Prints the mutants with the check that caught each, as a Markdown table for docs/conformance.md."""

import importlib.util
from pathlib import Path


def main():
    path = Path(__file__).parent.parent / "test_mutants.py"
    spec = importlib.util.spec_from_file_location("test_mutants", path)
    tests = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tests)
    print("| mutant | caught by | sentence |\n|---|---|---|")  # noqa: T201 - the table is what it is for
    for fault, check in tests.CAUGHT_BY.items():
        sentences = {finding.check.name: finding.sentence for finding in tests.found(fault, only=(check,)).broken}
        sentence = sentences.get(check, "not caught").replace("|", "\\|")
        shown = sentence.replace(f"exec:{tests.sys.executable} {tests.PROGRAM} ", "")
        shown = shown if len(shown) <= 140 else f"{shown[:139]}…"
        print(f"| {fault} | `{check}` | {shown} |", flush=True)  # noqa: T201 - see above


if __name__ == "__main__":
    main()
