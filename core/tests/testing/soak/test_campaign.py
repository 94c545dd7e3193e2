"""Small soaks of real processes; a leak that is planted into the server is found."""

import pytest
from nascore.errors import InvalidInputError
from nascore.testing.soak import Plan, soaked
from nascore.testing.torture import Plant


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_short_soak_finds_nothing_that_grows(tmp_path):
    result = soaked(Plan(1500, leaves=6, restarts=2), tmp_path)
    assert result.findings == ()
    assert [each.role for each in result.trends] == ["server", "tuner host", "worker"]
    assert result.ended >= 1500
    assert result.visits > 3


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_server_that_leaks_is_found(tmp_path):
    result = soaked(Plan(1000, leaves=2, restarts=1, plant=Plant.LEAK), tmp_path)
    server = result.trends[0]
    assert server.memory_mib > 3.0
    assert server.descriptors > 5
    assert any("The server grows by" in finding for finding in result.findings)
    assert any("descriptors more in the end" in finding for finding in result.findings)


@pytest.mark.parametrize(("name", "value"), [("trials", 99), ("workers", 1)])
def test_a_soak_that_could_say_nothing_is_refused(name, value):
    with pytest.raises(InvalidInputError, match=f"{name}: {value} is below"):
        Plan(**{"trials": 1000, name: value})
