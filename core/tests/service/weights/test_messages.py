"""What is answered fits a message, and says what the store says."""

from nascore.service.pages import MAX_MESSAGE_BYTES
from nascore.service.weights import messages
from nascore.weights import Damage, Lineage, Relative


def checkpoint(number):
    return f"{number:032x}"


def test_a_lineage_of_many_metrics_tells_those_of_the_nearest_and_fits():
    metrics = {f"{number:03}".rjust(256, "m"): float(number) for number in range(100)}
    relatives = tuple(Relative(checkpoint(number), 1, False, number, metrics) for number in range(10_000))
    message = messages.lineage_message(Lineage(relatives, relatives))
    assert message.ByteSize() < MAX_MESSAGE_BYTES
    for side in (message.ancestors, message.descendants):
        told = [one.HasField("trial") for one in side]
        assert told == [True] * 50 + [False] * 9950
        assert [bool(one.metrics) for one in side] == told
        assert [one.checkpoint for one in side] == [one.checkpoint for one in relatives]


def test_trial_0_is_told_and_one_that_is_not_known_is_not():
    relatives = (Relative(checkpoint(1), 1, True, 0, {"loss": 0.5}), Relative(checkpoint(2), 2, False))
    first, second = messages.lineage_message(Lineage(relatives, ())).ancestors
    assert (first.HasField("trial"), first.trial, first.is_released) == (True, 0, True)
    assert [(one.name, one.value) for one in first.metrics] == [("loss", 0.5)]
    assert not second.HasField("trial")


def test_a_damage_names_who_needs_it_as_far_as_there_is_room():
    few = messages.damage_message(Damage("p", "w", (checkpoint(1), checkpoint(2)), 7))
    assert (few.place, few.what, list(few.checkpoints), few.lost) == ("p", "w", [checkpoint(1), checkpoint(2)], 7)
    many = messages.damage_message(Damage("p" * 4096, "w" * 4096, tuple(map(checkpoint, range(60_000))), 2**63))
    assert many.ByteSize() < MAX_MESSAGE_BYTES
    assert list(many.checkpoints) == [checkpoint(number) for number in range(50_000)]
