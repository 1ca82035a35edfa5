"""Studies from the network: what they may import, open and expand, and which texts are read at all."""

from __future__ import annotations

import json
import logging
import pathlib
import re
import sys
import time
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sensitivity.service.guests import admit, import_modules
from sensitivity.service.settings import Settings
from sensitivity.study.presets import PRESETS
from sensitivity.study.study import Study
from tests.sensitivity.service.asked import AT_ONCE, HERE, LR, SPEC, asked
from trainables import dotted
from trainables.names import InputError
from trainables.torch_variants import TORCH_DEFAULTS


@pytest.mark.parametrize("name", [name for name in PRESETS if name != "paper-table-4"])
def test_what_comes_with_the_package_is_welcome(name: str) -> None:
    study = Study.preset(name)
    for text in (study.to_json(), study.to_yaml()):
        assert admit(text, HERE) == study


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"variants": list(TORCH_DEFAULTS)[:4]}, id="optimizers of torch"),
        pytest.param({"variants": "cm-unscaled-mean-constant+l1-mean-bias_corrected"}, id="a combination"),
        pytest.param(
            {"tasks": ["function/ishigami"], "variants": None, "design": {"kind": "sobol", "n": 8}},
            id="a function",
        ),
        pytest.param(
            {"space": [LR, {"name": "width", "type": "integer", "low": 16, "high": 256}]},
            id="settings of a model",
        ),
        pytest.param(
            {"design": {"kind": "adaptive", "n": 20, "scheduler": "asha"}, "epochs": 9},
            id="an adaptive design",
        ),
        pytest.param({"margin": 0.002}, id="a margin"),
        pytest.param({"name": "Größe 2.0 + x"}, id="a name with signs and spaces"),
        pytest.param({"design": {"kind": "explicit", "rows": [{"lr": 0.1}] * 2}, "space": [LR]}, id="rows"),
    ],
)
def test_what_is_registered_is_welcome(fields: dict[str, Any]) -> None:
    assert isinstance(asked(**fields), Study)


def choice(*values: str, name: str = "lr_schedule") -> dict[str, Any]:
    return {"space": [LR, {"name": name, "type": "categorical", "choices": list(values)}]}


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"variants": ["os:system"]}, id="a variant"),
        pytest.param({"variants": ["torch.hub.load"]}, id="something else of torch"),
        pytest.param({"variants": ["torch.optim:Adam"]}, id="an optimizer of torch by its path"),
        pytest.param(
            {"trainable": "os:system", "tasks": None, "variants": None, "space": [LR], "metric": "x"},
            id="a trainable",
        ),
        pytest.param(
            {"trainable": "os:system#1a2b3c", "tasks": None, "variants": None, "space": [LR], "metric": "x"},
            id="an object",
        ),
        pytest.param(choice("constant", "os:system"), id="a schedule of the learning rate"),
        pytest.param(choice("os:system", name="mu_schedule"), id="a schedule of mu"),
        pytest.param(
            {**choice("constant"), "design": {"kind": "grid", "levels": {"lr_schedule": ["os:system"]}}},
            id="a level",
        ),
        pytest.param(
            {**choice("constant"), "design": {"kind": "explicit", "rows": [{"lr_schedule": "os:system"}]}},
            id="a row",
        ),
        pytest.param(
            {"design": {"kind": "one_at_a_time", "center": {"lr_schedule": "os:system"}}}, id="a center"
        ),
        pytest.param(
            {"design": {"kind": "adaptive", "n": 2, "scheduler": "os:system"}, "epochs": 2}, id="a scheduler"
        ),
        pytest.param({"designs": {"os:system": {"kind": "grid"}}}, id="a name of designs"),
        pytest.param({"spaces": {"os:system": [LR]}}, id="a name of spaces"),
        pytest.param({"tasks": ["os:system"]}, id="a task"),
        pytest.param({"metric": "os:system"}, id="a metric"),
    ],
)
def test_nothing_is_imported_by_name(fields: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def never(name: str) -> Any:
        raise AssertionError(f"{name} was imported")

    monkeypatch.setattr(dotted, "import_module", never)
    with pytest.raises(
        InputError, match=r"is an import path|must be one of torch\.optim|unknown task"
    ) as caught:
        asked(**fields)
    assert "\n" not in str(caught.value)


def test_a_module_that_the_service_allows_is_used_but_not_what_it_imports(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = "import os\nfrom os import system\nfrom torch.optim import Adam\n\n\nclass Ours(Adam): ...\n"
    (tmp_path / "our_optimizers.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    allowing = Settings("x.sqlite", modules=("our_optimizers",))
    import_modules(allowing)
    assert asked(allowing, variants=["our_optimizers:Ours"]).variants == ("our_optimizers:Ours",)
    for name in ("system", "os.system", "Adam", "os", "__loader__", "Ours.step", "none", ""):
        with pytest.raises(
            InputError, match="must name a function or class that our_optimizers itself defines"
        ):
            asked(allowing, variants=[f"our_optimizers:{name}"])
    with pytest.raises(InputError, match="may use those of our_optimizers"):
        asked(allowing, variants=["our_optimizers.sub:Ours"])
    with pytest.raises(InputError, match="--allow-module 'no_such' cannot be imported: ModuleNotFoundError"):
        import_modules(Settings("x.sqlite", modules=("no_such",)))
    sys.modules.pop("our_optimizers")


def test_files_are_those_of_the_data_root(tmp_path: pathlib.Path) -> None:
    root, outside = tmp_path / "data", tmp_path / "secret.npz"
    root.mkdir()
    x, y = np.zeros((4, 2), "float32"), np.arange(4) % 2
    parts = {"x_train": x, "y_train": y, "x_test": x, "y_test": y}
    for place in (root / "ours.npz", outside):
        np.savez(place, **parts)
    (root / "link.npz").symlink_to(outside)
    rooted = Settings("x.sqlite", data_root=root)
    assert asked(rooted, tasks=["mlp/arrays:ours.npz"]).tasks == (f"mlp/arrays:{root}/ours.npz",)
    assert asked(rooted, tasks=[f"mlp/arrays:{root}/ours.npz"]).tasks == (f"mlp/arrays:{root}/ours.npz",)
    for path in (
        str(outside),
        "../secret.npz",
        "ours.npz/../../secret.npz",
        "link.npz",
        "/etc/passwd",
        "/none/../etc",
        "~/../../x",
    ):
        with pytest.raises(InputError, match="must be on files under the data root of the service"):
            asked(rooted, tasks=[f"mlp/arrays:{path}"])
        with pytest.raises(InputError, match="is on files, which a service has only with a data root"):
            asked(tasks=[f"mlp/arrays:{path}+augmented"])
    for rows in ("/etc/passwd", str(outside)):
        table = {"kind": "explicit", "rows": rows}
        for design in (table, {"kind": "composed", "parts": [table, {"kind": "grid"}]}):
            with pytest.raises(
                InputError, match="rows of an explicit design must be a list of configurations"
            ):
                asked(design=design)
            unused = {"adam": {"kind": "grid", "points": {"lr": 2}}, "nobody": design}
            for fields in (
                {"design": design, "designs": {"adam": unused["adam"]}},
                {"design": unused["adam"], "designs": unused},
            ):
                with pytest.raises(
                    InputError, match="rows of an explicit design must be a list of configurations"
                ):
                    asked(variants=["adam"], **fields)


LAUGHS = "a: &a [x, x]\n" + "".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in pairwise("abcdefghi")
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(LAUGHS, "line 1: anchors and aliases are not taken", id="a billion laughs"),
        pytest.param("a: &a [*a]", "anchors and aliases are not taken", id="a circle"),
        pytest.param("base: {x: 1}\nname:\n  <<: *b", "anchors and aliases are not taken", id="a merge"),
        pytest.param(
            "a: !!python/object/apply:os.system [id]",
            "tags such as 'tag:yaml.org,2002:python/object",
            id="an object",
        ),
        pytest.param("a: !!binary aGk=", "tags such as", id="bytes"),
        pytest.param("[" * 3000, "at most 20 deep", id="deep YAML"),
        pytest.param("- " * 3000, "at most 20 deep", id="deep blocks"),
        pytest.param('{"a":' * 30 + "1" + "}" * 30, "at most 20 deep", id="deep JSON"),
        pytest.param('{"a":' * 99_999, "cannot be read", id="very deep JSON"),
        pytest.param("a: " + "1" * 50_000, "at most 1,000 characters, got 50,000", id="a long number"),
        pytest.param(
            '{"a": ' + "1" * 50_000 + "}", "cannot be read: Exceeds the limit", id="a long number in JSON"
        ),
        pytest.param(
            json.dumps({"name": "x" * 2000}),
            "name must have at most 1,000 characters, got 2,000",
            id="a long string",
        ),
        pytest.param(
            "x" * 200_000, "at most 100,000 characters, got 200,000; JSON may be longer", id="long YAML"
        ),
        pytest.param(
            json.dumps({"seeds": [0] * 200_000}), "at most 100,000 names and values", id="many values"
        ),
        pytest.param("a: 1\na: 2", "'a' is given twice", id="a name twice in YAML"),
        pytest.param('{"name": "a", "name": "b"}', "'name' is given twice", id="a name twice in JSON"),
        pytest.param(
            '{"a": 1' + "".join(f', "k{k}": 1' for k in range(80_000)) + ', "a": 1}',
            "'a' is given twice",
            id="many in JSON",
        ),
        pytest.param(
            "".join(f"k{k}: 1\n" for k in range(8_000)) + "k0: 1",
            "'k0' is given twice",
            id="many names, one twice",
        ),
        pytest.param("a: 2001-99-99", "cannot be read", id="a day that is none"),
        pytest.param(
            "a: 2001-01-01", "a must be a number, a string, true, false or null, got a date", id="a day"
        ),
        pytest.param("1: x", "a name in the study must be a string, got 1", id="a number as a name"),
        pytest.param('{"epochs": NaN}', "JSON has no NaN", id="no number"),
        pytest.param("[1, 2]", "a study is a mapping of fields, got list", id="a list"),
        pytest.param("", "a study is a mapping of fields, got NoneType", id="nothing"),
        pytest.param("{", "not YAML", id="half a mapping"),
        pytest.param("\x00", "not YAML", id="a zero"),
        pytest.param("a: *x", "anchors and aliases are not taken", id="an alias of nothing"),
    ],
)
def test_texts_that_are_not_read(text: str, message: str) -> None:
    begun = time.thread_time()
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        admit(text, HERE)
    assert time.thread_time() - begun < AT_ONCE
    assert len(str(caught.value)) < 1_200


LINES = ["a\r\nSet-Cookie: x=1", "a\nb", "a\x00b", "a\x1b[31m", "a\u202eb", "a\u2028b"]
PATHS = ["../../etc", "..", ".", "a/b", "a\\b", "~", "-a", "%2e%2e", "a:b", "a*b", "a?b", "a#b"]
MARKUP = ["<script>", "a'b", 'a"b', "a`b", "a$b", "a;b", "a|b", "=1+1", "@x"]
NONE = ["", " ", " a", "a ", "a" * 101, 1, None, ["a"]]


@pytest.mark.parametrize("name", [*LINES, *PATHS, *MARKUP, *NONE])
def test_hostile_names_are_refused(name: Any) -> None:
    with pytest.raises(InputError, match="name") as caught:
        asked(name=name)
    assert str(caught.value).isprintable()


WORDS = st.sampled_from(["lr", "adam", "grid", "1e400"])
NAMES = st.sampled_from(["name", "type", "low", "high", "kind", "n", "x"])
HOSTILE = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.slow
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(field=st.sampled_from([*Study.model_fields, "space", "other"]), value=HOSTILE)
def test_anything_in_any_field_is_a_study_or_one_line(
    field: str, value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """And the checks expect it: none ends in an error that has to be caught at the door."""
    caplog.clear()
    caplog.set_level(logging.ERROR)
    try:
        assert isinstance(admit(yaml.safe_dump({**SPEC, field: value}, allow_unicode=True), HERE), Study)
    except InputError as error:
        assert "\n" not in str(error)  # noqa: PT017
    assert not caplog.records
