"""Makes the tables of docs/conformance.md anew: the checks, who keeps them, and the mutants that they catch.

    python core/tests/testing/conformance/tables.py [--quick] [--only checks,mutants,tuners] [--cpp BINARY]

The tuners are those installed and the examples; that in C++ is built unless it is given. Takes about an hour of one
core, with ``--quick`` a quarter of that.
"""

import argparse
import importlib.util
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from nascore.testing.conformance import CHECKS, Examination, examine, markdown_table
from nascore.tuner import Plugins, load_tuner

ROOT = Path(__file__).parents[4]
DOCUMENT = ROOT / "docs" / "conformance.md"
EXAMPLES = ROOT / "examples" / "tuners"
PARTS = ("checks", "tuners", "mutants")
LONGEST = 140


def checks():
    """The checks, what each looks at and why."""
    rows = [f"| `{check.name}` | {check.what} | {check.why} |" for check in CHECKS]
    return "\n".join(["| check | what is promised | why it matters |", "|---|---|---|", *rows])


def tuners(names, commands, *, is_quick):
    """Who keeps them: installed tuners, and the programs that some commands start."""
    reports = []
    for tuner in (*names, *(f"exec:{shlex.join(command)}" for command in commands)):
        reports.append(examine(tuner, Examination(is_quick=is_quick)))
        sys.stderr.write(f"{tuner} {'conforms' if reports[-1].conforms else 'is broken'}\n")
    return markdown_table(reports)


def installed():
    """Return one name of each installed tuner, the others are second names."""
    names = {load_tuner(name)[0]: name for name in Plugins("nascore.tuners").names()}
    return sorted(names.values())


def mutants():
    """The mutants with the check that caught each, and its sentence."""
    tests = module("test_mutants", Path(__file__).parent / "test_mutants.py")
    rows = []
    for fault, check in tests.CAUGHT_BY.items():
        found = {each.check.name: each.sentence for each in tests.found(fault, only=(check,)).broken}
        rows.append(f"| {fault} | `{check}` | {shown(found.get(check, 'not caught'))} |")
        sys.stderr.write(f"{rows[-1]}\n")
    return "\n".join(["| mutant | caught by | sentence |", "|---|---|---|", *rows])


def shown(sentence):
    """Return a sentence as a cell of a table: commands of this machine by one word, and what is too long cut."""
    sentence = re.sub(r"Tuner exec:\S+ \S+ ('[^']*')", r"Tuner \1", sentence).replace("|", "\\|")
    return sentence if len(sentence) <= LONGEST else f"{sentence[: LONGEST - 1]}…"


def module(name, path):
    """Return a Python file as a module."""
    spec = importlib.util.spec_from_file_location(name, path)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def examples(folder, cpp):
    """Return the commands that start the examples; that in C++ is built in a folder unless there is one."""
    if cpp is None:
        cpp = folder / "tuner"
        subprocess.run(["cmake", "-S", EXAMPLES / "cpp", "-B", folder, f"-DPROTOS={ROOT / 'protos'}"], check=True)
        subprocess.run(["cmake", "--build", folder], check=True)
    python = [sys.executable, str(EXAMPLES / "minimal_python" / "tuner.py")]
    return [python, [str(cpp.resolve())], ["node", str(EXAMPLES / "node" / "tuner.mjs")]]


def replaced(text, part, table):
    """Return the document with one table made anew; it stands between two comments that name it."""
    begin, end = f"<!-- {part}: made by tables.py -->\n", f"<!-- end of {part} -->"
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise SystemExit(f"{DOCUMENT} has no place for the table of {part}.")
    return f"{before}{begin}\n{table}\n\n{end}{after}"


def main():
    """Make the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="look at less of everything")
    parser.add_argument("--only", default=",".join(PARTS), help="which tables, with commas")
    parser.add_argument("--tuners", default=",".join(installed()), help="which installed ones, with commas")
    parser.add_argument("--cpp", type=Path, help="the example in C++, if it is built already")
    options = parser.parse_args()
    makers = {
        "checks": lambda _: checks(),
        "tuners": lambda folder: tuners(
            options.tuners.split(","), examples(folder, options.cpp), is_quick=options.quick
        ),
        "mutants": lambda _: mutants(),
    }
    for part in options.only.split(","):
        with tempfile.TemporaryDirectory() as folder:
            table = makers[part](Path(folder))
        DOCUMENT.write_text(replaced(DOCUMENT.read_text(encoding="utf-8"), part, table), encoding="utf-8")


if __name__ == "__main__":
    main()
