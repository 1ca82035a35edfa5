"""``sensitivity variants`` and ``sensitivity spaces``: optimizer variants and their search spaces."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from sensitivity.command.options import AsJson
from sensitivity.command.terminal import show
from sensitivity.text.import_path import search_last


def variants(
    name: Annotated[
        str | None, typer.Argument(help="Name of one variant.", show_default="all named ones")
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(help="Task whose parameters the variant divides: a row for every role of parameters."),
    ] = None,
    everything: Annotated[
        bool,
        typer.Option(
            "--all", help="The optimizers of torch.optim and the paper's 768 combinations too, by name."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the named optimizer variants, their hyperparameters and sources.

    With a name: also the other settings that a space of the variant may have, such as epsilon, slow_weight,
    sign or cautious.

    With a name and a task: which part of the optimizer takes which parameters of the task's model, with its
    lr and weight decay at the default setting.

    Any torch.optim optimizer is a variant too (torch.optim.AdamW), one of your own by module:Name, and every
    combination such as cm-unscaled-mean-constant+l1-mean-bias_corrected.
    """
    from trainables.named_variants import VARIANTS
    from trainables.names import InputError
    from trainables.variants import variant as variant_of

    if name is None and task is not None:
        raise InputError(f"--task {task} needs the name of a variant, such as torch.optim.Muon")
    search_last()  # where module:Name is looked for
    if name is not None and task is not None:
        show(_shares(name, task), as_json)
        return
    listed: list[Any] = list(VARIANTS.values()) if name is None else [variant_of(name)]
    if everything and name is None:
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
                **({} if name is None else {"settings": _other_settings(variant)}),
                "what": variant.description,
                "source": variant.source,
            }
            for variant in listed
        ],
        as_json,
    )


def _other_settings(variant: Any) -> str:
    """Return the settings that a configuration may have beside the usually varied hyperparameters."""
    return ", ".join(sorted(variant.accepts - set(variant.hyperparameters)))


def _shares(name: str, task: str) -> list[dict[str, Any]]:
    """Return a row for every role of a model's parameters, at the default setting of a variant."""
    import torch

    from search_spaces.defaults import default_space
    from trainables.adapters import Run
    from trainables.names import InputError
    from trainables.roles import shares
    from trainables.settings import check_labels, model_optimizer
    from trainables.tasks import task as task_of
    from trainables.variants import variant as variant_of

    chosen, about = variant_of(name), task_of(task)
    if not hasattr(about, "model"):
        raise InputError(f"task {task!r} has no model whose parameters a variant could divide")
    check_labels(getattr(chosen, "adapter", None), about, name)
    model = about.model(torch.Generator().manual_seed(0), **about.settings)
    setting = {name: value for name, value in default_space(name).default().items() if name in chosen.accepts}
    rows = shares(model, model_optimizer(chosen, model, setting, Run()))
    return [{**row, "share": f"{row['share']:.1%}"} for row in rows]


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
