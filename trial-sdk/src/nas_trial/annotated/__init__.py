"""The run time of annotated code: what ``nascore compile`` writes in place of annotations calls this.

Compiled code opens its program and calls its methods::

    import nas_trial.annotated as nas_annotated
    nas_program = nas_annotated.script(__name__, __file__, "search_space.json")
    ...
    out = nas_program.layer("build:out", {"conv(ch=128)": nas_annotated.call(conv, ch=128), ...}, fixed_inputs=[x])
"""

from nas_trial.annotated.choices import Choices
from nas_trial.annotated.execution import Execution, FullGraph, SubGraph
from nas_trial.annotated.layer import AnnotatedLayer, Operation, call
from nas_trial.annotated.opening import program, script
from nas_trial.annotated.program import Program

__all__ = [
    "AnnotatedLayer",
    "Choices",
    "Execution",
    "FullGraph",
    "Operation",
    "Program",
    "SubGraph",
    "call",
    "program",
    "script",
]
