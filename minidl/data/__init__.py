"""Data sets, how they are divided, changed and handed out."""

from . import augment, corruptions, noise, preprocess, toys
from .cifar import CIFAR10, CIFAR100, cifar_folder
from .collate import default_collate
from .corruptions import CORRUPTIONS, Corruption, corrupt
from .dataset import ConcatDataset, Dataset, Subset, TensorDataset, random_split
from .discipline import Splits, TestDataReused
from .download import data_folder
from .embedded import digits
from .folder import ImageFolder
from .idx import idx_folder, read_idx
from .images import ImageDataset
from .loader import DataLoader
from .mnist import EMNIST, KMNIST, MNIST, FashionMNIST
from .noise import biased_sample, class_sample, pair_noise, random_labels, symmetric_noise
from .preprocess import PCA, ZCA, ChannelMean, MeanImage
from .sampler import (
    BalancedSampler,
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from .split import group_k_fold, group_split, k_fold, stratified_k_fold, stratified_split
from .transforms import RandomWarp, Standardize, Transform
from .workers import WorkerInfo, get_worker_info

__all__ = [
    "CIFAR10",
    "CIFAR100",
    "CORRUPTIONS",
    "EMNIST",
    "KMNIST",
    "MNIST",
    "PCA",
    "ZCA",
    "BalancedSampler",
    "BatchSampler",
    "ChannelMean",
    "ConcatDataset",
    "Corruption",
    "DataLoader",
    "Dataset",
    "FashionMNIST",
    "ImageDataset",
    "ImageFolder",
    "MeanImage",
    "RandomSampler",
    "RandomWarp",
    "Sampler",
    "SequentialSampler",
    "Splits",
    "Standardize",
    "Subset",
    "SubsetRandomSampler",
    "TensorDataset",
    "TestDataReused",
    "Transform",
    "WeightedRandomSampler",
    "WorkerInfo",
    "augment",
    "biased_sample",
    "cifar_folder",
    "class_sample",
    "corrupt",
    "corruptions",
    "data_folder",
    "default_collate",
    "digits",
    "get_worker_info",
    "group_k_fold",
    "group_split",
    "idx_folder",
    "k_fold",
    "noise",
    "pair_noise",
    "preprocess",
    "random_labels",
    "random_split",
    "read_idx",
    "stratified_k_fold",
    "stratified_split",
    "symmetric_noise",
    "toys",
]
