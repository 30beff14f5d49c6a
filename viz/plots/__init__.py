"""Plots with axes, set by matplotlib in the house's style; matplotlib itself loads when the first one is drawn.

    history       `curves`: training curves, early stopping, several runs
    functions     `activation`: functions with their derivatives; `iterates`: a function of itself
    landscape     `contours`: a loss from above with the paths of optimizers, which `descend` makes
    boundary      `decision_boundary`: where a classifier changes its mind; `boundaries`: several, side by side
    fits          `fits`: functions over the curve or the points that they follow, with their bends
    rates         `learning_rates`, `schedules`, `loss_curves`
    filters       `kernels`, `feature_maps`
    images        `gallery`: images with guesses; `crops`
    mistakes      `guesses`: what the wrong ones were taken for
    confusion     `confusion_matrix`
    layers        `histograms` and `bars` of what goes on in each layer; `spreads`: several networks, side by side
    sharing       `sharing`: which numbers of a batch share their statistics
    comparison    `scatter`: two test sets; `double_descent`
    clouds        `clouds`: points before and after a transformation
    variants      `variants`: an image and what transforms make of it, with boxes
    mixing        `mixtures` of two images with their labels; `chains`: AugMix
    judged        `judged`: changes, and whether a label is still true after them
    strips        `strips`: rows of images, stage by stage; `sizes`: one image at several sizes, with crops

Each returns a `Plot`, which is drawn when it is shown or saved.
"""

from __future__ import annotations

from .boundary import boundaries, decision_boundary
from .clouds import clouds
from .comparison import double_descent, scatter
from .confusion import confusion_matrix
from .filters import feature_maps, kernels
from .fits import fits
from .functions import activation, iterates
from .history import best_epoch, curves, describe_history, early_stop, percent
from .images import crops, gallery
from .judged import Change, judged
from .landscape import contours, descend
from .layers import bars, histograms, layer_sizes, spreads
from .mistakes import guesses
from .mixing import Chain, chains, mixtures
from .plot import Plot
from .rates import learning_rates, loss_curves, schedules
from .sharing import sharing
from .strips import sizes, strips
from .variants import View, variants

__all__ = [
    "Chain",
    "Change",
    "Plot",
    "View",
    "activation",
    "bars",
    "best_epoch",
    "boundaries",
    "chains",
    "clouds",
    "confusion_matrix",
    "contours",
    "crops",
    "curves",
    "decision_boundary",
    "descend",
    "describe_history",
    "double_descent",
    "early_stop",
    "feature_maps",
    "fits",
    "gallery",
    "guesses",
    "histograms",
    "iterates",
    "judged",
    "kernels",
    "layer_sizes",
    "learning_rates",
    "loss_curves",
    "mixtures",
    "percent",
    "scatter",
    "schedules",
    "sharing",
    "sizes",
    "spreads",
    "strips",
    "variants",
]
