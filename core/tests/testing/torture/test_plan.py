"""Plans that cannot be carried out are refused; habits travel in a command line."""

import pytest
from nascore.errors import InvalidInputError
from nascore.testing.torture.plan import Habits, Plan


@pytest.mark.parametrize(
    ("wrong", "name"),
    [({"kills": -1}, "kills"), ({"trials": 0}, "trials"), ({"workers": 0}, "workers")],
)
def test_a_number_out_of_range_is_named(wrong, name):
    with pytest.raises(InvalidInputError, match=name):
        Plan(**{"kills": 1, "trials": 1, **wrong})


def test_habits_travel_as_one_word():
    habits = Habits(work_s=0.5, naps=0.25)
    assert Habits.from_json(habits.to_json()) == habits
    assert " " not in Plan(1, 1).habits.to_json().replace(", ", ",").replace(": ", ":")
