"""The command `check-tuner`: verdict, reasons, exit code."""

import json
import re
import sys
from pathlib import Path

MUTANT = f"exec:{sys.executable} {Path(__file__).parents[1] / 'testing' / 'conformance' / 'mutants' / 'program.py'}"


def test_a_tuner_that_keeps_the_contract_ends_with_0(invoke):
    ran = invoke("check-tuner", "random", "--only", "determinism", "--quick", "-q")
    assert ran.exit_code == 0, ran.stderr
    assert "keeps the contract" in ran.stdout


def test_json_holds_every_finding(invoke):
    ran = invoke("check-tuner", "random", "--only", "determinism", "--quick", "--json", "-q")
    document = json.loads(ran.stdout)
    assert document["conforms"] is True
    assert {finding["way"] for finding in document["findings"]} == {"over gRPC", "in process"}


def test_a_program_that_does_not_start_ends_with_1_and_says_why(invoke):
    ran = invoke("check-tuner", "exec:false", "--quick", "-q")
    assert ran.exit_code == 1
    assert "ended before its handshake" in ran.stdout
    assert "How to mend it" in ran.stdout


def test_wrong_words_end_with_2(invoke):
    for words in (["nobody"], ["random", "--only", "nonsense"], ["random", "--skip", "seeds"], [""]):
        ran = invoke("check-tuner", *words)
        assert ran.exit_code == 2, ran.stdout


def test_a_table_has_a_row_a_tuner(invoke):
    ran = invoke("check-tuner", "exec:false", "exec:true", "--table", "--quick", "-q")
    assert ran.exit_code == 1
    assert ran.stdout.count("`handshake`") == 2


def test_a_breach_is_told_with_what_differs_what_was_printed_and_how_to_go_on(invoke):
    ran = invoke("check-tuner", f"{MUTANT} 'rolls dice'", "--only", "determinism", "--quick", "-q")
    assert ran.exit_code == 1
    told = " ".join(ran.stdout.split())
    assert "decisions differ)" in told
    assert re.search(r"was '\w+', and is '\w+'", told)  # Which of them is chance: the program really rolls dice.
    assert "1 check of 2 found something." in told
    assert "--only determinism" in told
    ran = invoke("check-tuner", f"{MUTANT} 'chokes on failures'", "--only", "failures", "--quick", "-q", "--json")
    (broken,) = [each for each in json.loads(ran.stdout)["findings"] if each["verdict"] == "broken"]
    assert broken["printed"][-1] == "IndexError: list index out of range"


def test_what_there_was_no_need_to_look_at_says_why(invoke):
    ran = invoke("check-tuner", "random", "--only", "one-shot-derive", "--only", "cancellation", "--quick", "-q")
    assert "It does not search one-shot." in ran.stdout
    assert "Only a tuner behind a socket can fail here." not in ran.stdout  # over gRPC it was looked at
