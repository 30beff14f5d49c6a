"""Training: the loop, its metrics, its schedule, its checkpoints. It reports events and draws nothing."""

from .checkpoint import load_checkpoint, save_checkpoint
from .events import EpochDone, Event, Listener, Record, StepDone, TrainingStarted, TrainingStopped
from .metrics import Evaluation, clopper_pearson, evaluate, gradient_norms, top_k_correct
from .recipe import OPTIMIZERS, Config, Parts, Session, load_parts, prepare
from .schedule import WarmupCosine
from .trainer import DivergedError, Trainer

__all__ = [
    "OPTIMIZERS",
    "Config",
    "DivergedError",
    "EpochDone",
    "Evaluation",
    "Event",
    "Listener",
    "Parts",
    "Record",
    "Session",
    "StepDone",
    "Trainer",
    "TrainingStarted",
    "TrainingStopped",
    "WarmupCosine",
    "clopper_pearson",
    "evaluate",
    "gradient_norms",
    "load_checkpoint",
    "load_parts",
    "prepare",
    "save_checkpoint",
    "top_k_correct",
]
