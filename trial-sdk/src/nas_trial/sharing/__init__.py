"""One copy of a network's weights for several workers, kept by the server while all of them train it.

::

    with nas.SharedWeights(model, "supernet", every=8) as shared:
        for batch in batches:
            ...                       # an ordinary training step
            shared.step()             # every 8th gives what was learnt, and takes what the others learnt

See docs/sharing.md. Not here: which samples a worker trains (``nas_trial.oneshot``).
"""

from nas_trial.sharing.exchange import Tally
from nas_trial.sharing.shared_weights import SharedWeights
from nas_trial.sharing.state import Statistics

__all__ = ["SharedWeights", "Statistics", "Tally"]
