"""Optimizers, under PyTorch's names and with PyTorch's arithmetic."""

from . import literal, lr_scheduler, swa_utils
from .adam import Adam, AdamW
from .adam_family import Adamax, NAdam, RAdam
from .adaptive import Adadelta, Adagrad, RMSprop
from .freezing import freeze, unfreeze
from .gauss_newton import GaussNewtonCG
from .lbfgs import LBFGS
from .newton import NewtonCG
from .optimizer import Optimizer
from .penalties import l1_penalty, l2_penalty
from .sgd import SGD, HeavyBall
from .swa_utils import EMA

__all__ = [
    "EMA",
    "LBFGS",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "GaussNewtonCG",
    "HeavyBall",
    "NAdam",
    "NewtonCG",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "freeze",
    "l1_penalty",
    "l2_penalty",
    "literal",
    "lr_scheduler",
    "swa_utils",
    "unfreeze",
]
