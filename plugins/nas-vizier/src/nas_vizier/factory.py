"""The policy factory: which algorithm of a Vizier service is which tuner."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType

from nascore.errors import NotFoundError
from nascore.tuner import HostLimits
from nascore.tuner.retellings import MOST_OPEN, Retellings
from vizier import pythia, pyvizier

from nas_vizier.background import Background
from nas_vizier.policy import NascorePolicy


class NascorePolicyFactory:
    """Makes policies for a Vizier service; give it as ``policy_factory``. May be called from several threads.

    The tuners run in processes of their own, started when a study first needs one, and ended by `close`.

    Args:
        tuners: Tuners by the name of an algorithm, as studies ask for it: names of installed tuners, ``exec:`` or
            ``grpc://`` addresses. Only these can be asked for, so that no client names a command.
        otherwise: The factory for all other algorithms, such as Vizier's own; without one they are refused.
        limits: What each tuner may take.
        insecure: Allow ``grpc://`` to another machine without TLS.
        most_open: How many studies' tuners are kept running, of each kind.
    """

    def __init__(
        self,
        tuners: Mapping[str, str],
        *,
        otherwise: pythia.PolicyFactory | None = None,
        limits: HostLimits | None = None,
        insecure: bool = False,
        most_open: int = MOST_OPEN,
    ) -> None:
        self._otherwise = otherwise
        self._background = Background()
        self._retellings = {
            algorithm: Retellings(address, limits=limits, insecure=insecure, most_open=most_open)
            for algorithm, address in tuners.items()
        }

    def __call__(
        self,
        problem_statement: pyvizier.ProblemStatement,
        algorithm: str,
        policy_supporter: pythia.PolicySupporter,
        study_name: str,
    ) -> pythia.Policy:
        """Return the policy for a study.

        Raises:
            NotFoundError: There is no such algorithm.
        """
        if algorithm in self._retellings:
            return NascorePolicy(policy_supporter, self._retellings[algorithm], self._background)
        if self._otherwise is not None:
            return self._otherwise(problem_statement, algorithm, policy_supporter, study_name)
        raise NotFoundError(
            f"There is no algorithm {algorithm!r} here.", hint=f"Known are: {', '.join(sorted(self._retellings))}."
        )

    def close(self) -> None:
        """End all tuners."""
        for retellings in self._retellings.values():
            self._background.run(retellings.close())
        self._background.close()

    def __enter__(self) -> NascorePolicyFactory:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
