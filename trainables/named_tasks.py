"""Names of the package's tasks, without the tasks: a reader of results needs no torch."""

from __future__ import annotations

AUGMENTED = "+augmented"
"""End of the name of a task whose training images are cropped and mirrored at random."""
MODELS = ("autoencoder", "resnet", "mlp", "logistic", "quadratic", "gpt", "vit")
"""Models of :data:`trainables.families.FAMILIES`."""
TITLES = {
    "digits": "scikit-learn's digits at 28 x 28",
    "mnist": "MNIST",
    "fashion_mnist": "Fashion-MNIST",
    "cifar10": "CIFAR-10",
    "synthetic": "two overlapping classes in 10 dimensions",
    "text": "Python's own documentation (pydoc topics, PSF License)",
    "ill_conditioned": "noisy samples, condition number 1,000",
}
"""Datasets that have a name, and their titles."""
FUNCTIONS = ("function/ishigami", "function/sobol_g", "function/lr_valley")
"""Tasks of :func:`trainables.function_tasks.function_tasks`."""
FILES = ("images", "arrays", "text")
"""Kinds of datasets from a user's files: ``images:DIR``, ``arrays:FILE.npz``, ``text:FILE``."""


def kind_of_files(dataset: str) -> str | None:
    """Return ``images``, ``arrays`` or ``text`` for the name of a user's dataset, else None.

    >>> kind_of_files("arrays:mine.npz"), kind_of_files("digits")
    ('arrays', None)
    """
    prefix, separator, place = dataset.partition(":")
    return prefix if separator and place and prefix in FILES else None


def is_of_package(name: str) -> bool:
    """Return True if the package makes a task of this name: a listed task, or a model of the package with any
    dataset.

    >>> is_of_package("mlp/digits"), is_of_package("mlp/arrays:gone.npz"), is_of_package("mine/digits")
    (True, True, False)
    """
    model, _, dataset = name.removesuffix(AUGMENTED).partition("/")
    return name in FUNCTIONS or (
        model in MODELS and (dataset in TITLES or kind_of_files(dataset) is not None)
    )
