"""Data sets, how they are divided, changed and handed out."""

from .dataset import Dataset
from .embedded import digits
from .idx import idx_folder, read_idx
from .loader import DataLoader
from .split import stratified_split
from .transforms import RandomWarp, Standardize, Transform

__all__ = [
    "DataLoader",
    "Dataset",
    "RandomWarp",
    "Standardize",
    "Transform",
    "digits",
    "idx_folder",
    "read_idx",
    "stratified_split",
]
