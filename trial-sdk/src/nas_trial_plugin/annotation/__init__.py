"""The annotation compiler: strings such as ``@nni.mutable_layers(...)`` become code that a search can run.

It reads Python with libcst, which nothing else imports: neither the command line before ``nascore compile`` is called,
nor a trial that runs.
"""

from nas_trial_plugin.annotation.compiling import Compiled, compile_files
from nas_trial_plugin.annotation.findings import AnnotationError, Finding, Place
from nas_trial_plugin.annotation.naming import KeyStyle
from nas_trial_plugin.annotation.rewriting import SPACE_FILE
from nas_trial_plugin.annotation.tree import MANIFEST, Tree, check_target, read_tree, write_tree

__all__ = [
    "MANIFEST",
    "SPACE_FILE",
    "AnnotationError",
    "Compiled",
    "Finding",
    "KeyStyle",
    "Place",
    "Tree",
    "check_target",
    "compile_files",
    "read_tree",
    "write_tree",
]
