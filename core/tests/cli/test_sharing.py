import pytest
from nascore.cli.request import RunRequest
from nascore.cli.sharing import with_sharing
from nascore.errors import NotFoundError, SettingsError, UnsupportedError


def test_a_tuner_that_knows_no_parents_is_refused():
    for tuner in (None, "random"):
        with pytest.raises(UnsupportedError, match="`random` proposes no parent to inherit from"):
            with_sharing(RunRequest(tuner=tuner), "inherit")


def test_a_tuner_behind_an_address_is_told_by_a_setting_of_its_own():
    with pytest.raises(UnsupportedError, match="not known") as refused:
        with_sharing(RunRequest(tuner="exec:./tuner"), "inherit")
    assert "--set inherit_weights=true" in refused.value.hint


def test_an_unknown_tuner_and_a_contradiction_are_refused():
    with pytest.raises(NotFoundError):
        with_sharing(RunRequest(tuner="evolutoin"), "inherit")
    with pytest.raises(SettingsError, match="inherit_weights=False contradict"):
        with_sharing(RunRequest(tuner="evolution", settings={"inherit_weights": False}), "inherit")


def test_the_tuners_setting_is_made_and_the_others_stay():
    request = RunRequest(tuner="evolution", settings={"population_size": 5}, trials=3)
    shared = with_sharing(request, "inherit")
    assert shared.settings == {"population_size": 5, "inherit_weights": True}
    assert shared.trials == 3
    assert with_sharing(shared, "inherit") == shared
    assert with_sharing(request, None) is request
