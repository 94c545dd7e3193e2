from nascore.cli.suggestion import close_to, did_you_mean, one_of


def test_the_nearest_name_is_suggested():
    assert did_you_mean("rnu", ["run", "show", "ls"]) == "Did you mean `run`?"


def test_names_that_are_much_less_alike_are_left_out():
    assert close_to("trialConcurency", ["trialConcurrency", "trialCodeDirectory"]) == ("trialConcurrency",)


def test_nothing_is_suggested_when_nothing_is_alike():
    assert did_you_mean("zzz", ["run", "show"]) == ""


def test_case_does_not_matter():
    assert close_to("RANDOM", ["random"]) == ("random",)


def test_several_names_read_as_prose():
    assert one_of(["a", "b", "c"]) == "`a`, `b` or `c`"
