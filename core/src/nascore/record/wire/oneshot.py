"""One-shot searches to and from protobuf: schedules, what cannot be mixed, and what follows a search."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from nascore.record.oneshot import OneShot, Schedule, Trust
from nascore.v1 import experiment_pb2, tuner_pb2

_DEFAULT = OneShot()
_TRUST = Trust()


def schedule_to_message(schedule: Schedule) -> tuner_pb2.Schedule:
    """Return the message of a schedule."""
    return tuner_pb2.Schedule(warmup_epochs=schedule.warmup_epochs, epochs=schedule.epochs)


def schedule_from_message(message: tuner_pb2.Schedule) -> Schedule:
    """Return the schedule of a message.

    Raises:
        SettingsError: There is no epoch.
    """
    return Schedule(message.epochs, warmup_epochs=message.warmup_epochs)


def unmixable_to_messages(unmixable: Mapping[str, str]) -> list[tuner_pb2.Unmixable]:
    """Return the messages of decisions that cannot be mixed, sorted by path."""
    return [tuner_pb2.Unmixable(path=path, reason=unmixable[path]) for path in sorted(unmixable)]


def unmixable_from_messages(messages: Iterable[tuner_pb2.Unmixable]) -> dict[str, str]:
    """Return why decisions cannot be mixed, by path."""
    return {entry.path: entry.reason for entry in messages}


def one_shot_to_message(one_shot: OneShot) -> experiment_pb2.OneShot:
    """Return the message of a one-shot search."""
    return experiment_pb2.OneShot(
        schedule=schedule_to_message(one_shot.schedule),
        derive=one_shot.derive,
        retrain_epochs=one_shot.retrain_epochs,
        supernets=one_shot.supernets,
        workers=one_shot.workers,
        sync_every=one_shot.sync_every,
        trust=_trust_to_message(one_shot.trust),
    )


def one_shot_from_message(message: experiment_pb2.OneShot) -> OneShot:
    """Return the one-shot search of a message, defaults filled in.

    Raises:
        SettingsError: A number is out of bounds.
    """
    return OneShot(
        schedule=schedule_from_message(message.schedule) if message.HasField("schedule") else _DEFAULT.schedule,
        derive=message.derive or _DEFAULT.derive,
        retrain_epochs=message.retrain_epochs if message.HasField("retrain_epochs") else None,
        supernets=message.supernets or _DEFAULT.supernets,
        workers=message.workers or _DEFAULT.workers,
        sync_every=message.sync_every or _DEFAULT.sync_every,
        trust=_trust_from_message(message.trust) if message.HasField("trust") else _TRUST,
    )


def _trust_to_message(trust: Trust | None) -> experiment_pb2.Trust:
    if trust is None:
        return experiment_pb2.Trust(is_off=True)
    return experiment_pb2.Trust(max_random=trust.max_random, sampled=trust.sampled)


def _trust_from_message(message: experiment_pb2.Trust) -> Trust | None:
    if message.is_off:
        return None
    return Trust(
        max_random=message.max_random if message.HasField("max_random") else _TRUST.max_random,
        sampled=message.sampled if message.HasField("sampled") else _TRUST.sampled,
    )
