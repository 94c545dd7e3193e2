"""The command `check-tuner`: verdict, reasons, exit code."""

import json


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
