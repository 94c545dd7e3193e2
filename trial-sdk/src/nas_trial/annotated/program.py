"""``Program``: what compiled code calls. Every file of it opens one, with the search space compiled with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

from nascore.errors import InvalidInputError, NotFoundError, StateError
from nascore.nni import is_nni_space, read_space, search_space_of
from nascore.space import SearchSpace

from nas_trial.annotated.choices import Choices, CurrentTrial
from nas_trial.annotated.execution import Execution, FullGraph
from nas_trial.annotated.layer import AnnotatedLayer, Operation
from nas_trial.nni import reports

TRIAL = CurrentTrial()
"""What is decided in this process at present."""


class Program:
    """The annotated code of one file, at run time; its methods stand where its annotations stood.

    Args:
        space: What the code offers.
        execution: Computes layers.

    Attributes:
        space: What the code offers.
    """

    def __init__(self, space: SearchSpace, execution: Execution) -> None:
        self.space = space
        self._execution = execution
        self._choices = Choices(space, TRIAL)

    def layer(
        self,
        key: str,
        candidates: Mapping[str, Operation],
        *,
        fixed_inputs: Sequence[object] = (),
        optional_inputs: Mapping[str, object] | None = None,
        optional_input_size: tuple[int, int] = (0, 0),
        input_aggregate: Operation | None = None,
        post_process: Operation | None = None,
        owner: object = None,
    ) -> object:
        """Compute a layer (``@nni.mutable_layers``); see `AnnotatedLayer`."""
        layer = AnnotatedLayer(
            key,
            candidates,
            fixed_inputs,
            optional_inputs or {},
            optional_input_size,
            input_aggregate,
            post_process,
            owner,
        )
        return self._execution.run(layer, self._choices)

    def variable(self, key: str, written: object, choices: Mapping[str, object] | None = None) -> object:
        """Return the value of a variable (``@nni.variable``).

        Args:
            key: Label of its decision.
            written: What the code assigns; it holds while there is no trial.
            choices: Values by their text, where the space does not hold them.
        """
        if not self._choices.is_decided:
            return written
        return self._choices.literal(key) if choices is None else self._picked(key, choices)

    def function_choice(self, key: str, calls: Mapping[str, Callable[[], object]]) -> object:
        """Return what the chosen call returns (``@nni.function_choice``), and in a mixture the weighted sum of all."""
        mixing = self._choices.mixing(key)
        if mixing is not None:
            made = ((index, calls[str(mixing.options[index])]) for index in mixing.computed)
            return mixing.sum([mixing.term(index, mixing.alone(index, (), call)) for index, call in made])
        call = self._picked(key, calls)
        assert callable(call)
        return call()

    def get_next_parameter(self) -> dict[str, object]:
        """Return the parameters of the trial (``@nni.get_next_parameter``); what is chosen is used without it too."""
        return reports.get_next_parameter()

    def report_intermediate_result(self, metric: object) -> None:
        """Report a metric on the way (``@nni.report_intermediate_result``)."""
        reports.report_intermediate_result(metric)

    def report_final_result(self, metric: object) -> None:
        """Report the trial's metric (``@nni.report_final_result``)."""
        reports.report_final_result(metric)

    def _picked(self, key: str, values: Mapping[str, object]) -> object:
        text = self._choices.text(key)
        if text not in values:
            raise StateError(
                f"{key!r} is {text!r} in this architecture, but the code offers {', '.join(map(repr, values))}.",
                hint="The search space was made from other code; run `nascore compile` again.",
            )
        return values[text]


class Programs:
    """The programs of this process: files that were compiled together have one search space."""

    def __init__(self) -> None:
        self._opened: dict[Path, SearchSpace] = {}
        self._execution = FullGraph()

    def open(self, space_file: Path) -> Program:
        """Open the program of a file.

        Raises:
            NotFoundError: The search space is not where it was compiled to.
            InvalidInputError: It cannot be read, or another program with the same choices is open.
        """
        file = space_file.resolve()
        if file not in self._opened:
            space = read_space_file(file)
            self._refuse_same(file, space)
            self._opened[file] = space
        return Program(self._opened[file], self._execution)

    @property
    def space(self) -> SearchSpace | None:
        """What all open programs offer; ``None`` if there is none."""
        if not self._opened:
            return None
        spaces = list(self._opened.values())
        if len(spaces) == 1:
            return spaces[0]
        return SearchSpace(tuple(node for space in spaces for node in space.nodes))

    def _refuse_same(self, file: Path, space: SearchSpace) -> None:
        labels = {node.label for node in space.nodes}
        for other, known in self._opened.items():
            for node in known.nodes:
                if node.label in labels:
                    raise InvalidInputError(
                        f"{file} and {other} both have a choice {node.label!r}, and are used by one program.",
                        hint="Compile them together: give `nascore compile` the folder that holds both.",
                    )


PROGRAMS = Programs()
"""What compiled code of this process has opened."""


@cache
def read_space_file(file: Path) -> SearchSpace:
    """Read a search space, ours or NNI's.

    Raises:
        NotFoundError: There is no such file.
        SpaceError: It is no search space.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFoundError(
            f"There is no {file}, which `nascore compile` wrote beside the code.",
            hint="Move the compiled folder as a whole, or run `nascore compile` again.",
        ) from None
    return search_space_of(read_space(text)) if is_nni_space(text) else SearchSpace.from_json(text)
