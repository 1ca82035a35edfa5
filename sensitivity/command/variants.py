"""``sensitivity variants`` and ``sensitivity spaces``: optimizer variants and their search spaces."""

from __future__ import annotations

from typing import Annotated

import typer

from sensitivity.command.options import AsJson
from sensitivity.command.terminal import show
from sensitivity.text.import_path import search_last


def variants(
    everything: Annotated[
        bool,
        typer.Option(
            "--all", help="The optimizers of torch.optim and the paper's 768 combinations too, by name."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the named optimizer variants, their hyperparameters and sources.

    Any torch.optim optimizer is a variant too (torch.optim.AdamW), one of your own by module:Name, and every
    combination such as cm-unscaled-mean-constant+l1-mean-bias_corrected.
    """
    from trainables.named_variants import VARIANTS

    listed = list(VARIANTS.values())
    if everything:
        import torch

        from trainables.torch_variants import TORCH_DEFAULTS, torch_variant
        from trainables.variant_names import all_variants

        listed += [
            torch_variant(name) for name in TORCH_DEFAULTS if hasattr(torch.optim, name.rpartition(".")[2])
        ]
        listed += all_variants()
    show(
        [
            {
                "variant": variant.name,
                "hyperparameters": ", ".join(variant.hyperparameters),
                "what": variant.description,
                "source": variant.source,
            }
            for variant in listed
        ],
        as_json,
    )


def spaces(
    variant: Annotated[
        list[str] | None, typer.Argument(help="Names of variants.", show_default="all")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the default search space of variants."""
    from search_spaces.defaults import default_space
    from trainables.named_variants import VARIANTS

    search_last()  # where module:Name is looked for
    names = variant or list(VARIANTS)
    if as_json:
        show([{"variant": name, **row} for name in names for row in default_space(name).to_dict()], as_json)
    else:
        show([{"variant": name, **row} for name in names for row in default_space(name).table()], as_json)
