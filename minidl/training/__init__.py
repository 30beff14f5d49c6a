"""Training: the loop, its metrics, its schedule, its checkpoints. It reports events and draws nothing."""

from .calibration import ReliabilityCurve, brier_score, reliability_curve
from .checkpoint import load_checkpoint, save_checkpoint
from .classification import PerClass, Score, accuracy, confusion_matrix, per_class, ranked_guesses, top_k_accuracy
from .clock import Clock, bottleneck
from .config import CHOICES, SETTINGS, Config
from .ensemble import Ensemble, bagging, bootstrap, out_of_bag
from .events import Callback, EpochDone, Event, Record, StepDone, TrainingStarted, TrainingStopped
from .keeper import Checkpoints
from .metrics import Evaluation, clopper_pearson, evaluate, gradient_norms, top_k_correct
from .recipe import Session, prepare, train_once
from .robustness import accuracy_under, perturbations, score_on_biased_sample
from .schedule import WarmupCosine, WarmupCosineLR
from .sources import Parts, load_parts
from .stopping import EarlyStopping
from .table import history_table, rich_history_table
from .trainer import DivergedError, Trainer

__all__ = [
    "CHOICES",
    "SETTINGS",
    "Callback",
    "Checkpoints",
    "Clock",
    "Config",
    "DivergedError",
    "EarlyStopping",
    "Ensemble",
    "EpochDone",
    "Evaluation",
    "Event",
    "Parts",
    "PerClass",
    "Record",
    "ReliabilityCurve",
    "Score",
    "Session",
    "StepDone",
    "Trainer",
    "TrainingStarted",
    "TrainingStopped",
    "WarmupCosine",
    "WarmupCosineLR",
    "accuracy",
    "accuracy_under",
    "bagging",
    "bootstrap",
    "bottleneck",
    "brier_score",
    "clopper_pearson",
    "confusion_matrix",
    "evaluate",
    "gradient_norms",
    "history_table",
    "load_checkpoint",
    "load_parts",
    "out_of_bag",
    "per_class",
    "perturbations",
    "prepare",
    "ranked_guesses",
    "reliability_curve",
    "rich_history_table",
    "save_checkpoint",
    "score_on_biased_sample",
    "top_k_accuracy",
    "top_k_correct",
    "train_once",
]
