"""``sensitivity.Client``: what comes over the network is what is here."""

from __future__ import annotations

import pathlib
import threading
from collections.abc import Iterator

import httpx
import pandas as pd
import pytest

from sensitivity import Client, InputError, Results, Study
from sensitivity.figures import lr_curves
from sensitivity.measures import Measured, coupling, excess_loss
from sensitivity.service.settings import Settings
from tests.sensitivity.dashboard.stored import finish, plan
from tests.sensitivity.service.served import SPEC, Held, read, until


@pytest.fixture
def here(read_settings: Settings) -> Results:
    return read(read_settings)


@pytest.fixture
def remote(reader: httpx.Client) -> Iterator[Client]:
    with Client(str(reader.base_url)) as found:
        yield found


@pytest.mark.slow
def test_results_are_those_of_the_store(remote: Client, here: Results) -> None:
    found = remote.results("watched")
    pd.testing.assert_frame_equal(found.trials, here.trials)
    pd.testing.assert_frame_equal(found.epochs, here.epochs, check_dtype=False)
    assert (found.spaces, found.metric, found.design, found.spec) == (
        here.spaces,
        here.metric,
        here.design,
        here.spec,
    )
    pd.testing.assert_frame_equal(Measured(found).overview, Measured(here).overview)
    assert remote.results("watched", metric="test_loss").metric == "test_loss"


@pytest.mark.slow
def test_measures_figures_and_reports_are_those_of_the_results(
    remote: Client, here: Results, tmp_path: pathlib.Path
) -> None:
    pd.testing.assert_frame_equal(
        remote.measure("watched", "excess_loss", over="lr"), excess_loss(here, over="lr"), check_dtype=False
    )
    pd.testing.assert_frame_equal(
        remote.measure("watched", "coupling", one="lr", other="mu"),
        coupling(here, "lr", "mu"),
        check_dtype=False,
    )
    assert "task" in remote.measure("watched", "transfer_regret").attrs["refused"]
    assert remote.figure("watched", "lr_curves") == lr_curves(Measured(here), "autoencoder/digits")
    assert remote.report("watched", tmp_path / "report.md").read_text().startswith("# watched")
    assert "<html" in remote.report("watched", tmp_path / "report.html").read_text()


def test_what_the_service_knows(remote: Client) -> None:
    assert "adam" in [each["variant"] for each in remote.variants()]
    assert [each["variant"] for each in remote.spaces("adam", "sgd")] == ["adam", "sgd"]
    assert remote.tasks()
    assert Study(**remote.presets()[0]["spec"]) == Study.preset("quickstart")


def test_refusals_are_input_errors(remote: Client) -> None:
    with pytest.raises(InputError, match="unknown study 'wached'; did you mean 'watched'"):
        remote.results("wached")
    with pytest.raises(InputError, match="did you mean 'excess_loss'"):
        remote.measure("watched", "exces_loss")
    with pytest.raises(InputError, match="is not running here"):
        remote.cancel("watched")
    with (
        Client("http://127.0.0.1:9") as nobody,
        pytest.raises(InputError, match=r"no service at 'http://127\.0\.0\.1:9'"),
    ):
        nobody.studies()
    with pytest.raises(InputError, match="cannot be"):
        Client("http://a\nb")


@pytest.mark.slow
def test_a_study_is_waited_for(client: httpx.Client, settings: Settings, held: Held) -> None:
    """Whoever waits sees every change once, and then what the study is."""
    runs = client.app.state.context.runs  # type: ignore[attr-defined]
    seen: list[tuple[str, int]] = []

    def progress(each: dict[str, object]) -> None:
        counts = each["counts"]
        assert isinstance(counts, dict)
        seen.append((str(each["state"]), counts["completed"] + counts["diverged"]))

    study = Study(**{**SPEC, "name": "small", "variants": ["adam"]})
    with Client(str(client.base_url)) as remote:
        assert remote.submit(study)["state"] == "running"
        ended: list[dict[str, object]] = []
        waiting = threading.Thread(target=lambda: ended.append(remote.wait("small", progress=progress)))
        waiting.start()
        until(lambda: seen)
        store, trials = plan(pathlib.Path(settings.store), name="small", variants=["adam"], seeds=[0])
        finish(store, trials)
        store.close()
        until(lambda: seen[-1] == ("running", 12))
        held.end(runs.folder("small"), "small", 0)
        waiting.join()
        assert ended[0]["state"] == "completed"
        assert seen[0] == ("running", 0)
        assert seen[-1] == ("completed", 12)
        assert len(set(seen)) == len(seen)
        assert len(remote.results("small").usable) == 12
        remote.delete("small")
        assert [each["name"] for each in remote.studies()] == ["watched"]


def test_a_study_that_fails_says_why(client: httpx.Client, held: Held) -> None:
    runs = client.app.state.context.runs  # type: ignore[attr-defined]
    with Client(str(client.base_url)) as remote:

        def fail(each: dict[str, object]) -> None:
            if "small" in held.locks:
                (runs.folder("small") / "log.txt").write_text("Error: the data is not there\n")
                held.end(runs.folder("small"), "small", 2)

        with pytest.raises(InputError, match="study 'small' is failed: the data is not there"):
            remote.run(Study(**SPEC), progress=fail)
        assert "not there" in remote.log("small")


def test_changes_are_made_as_over_http(client: httpx.Client, held: Held) -> None:
    study = Study(**SPEC)
    with Client(str(client.base_url)) as remote:
        assert remote.plan(study)["trials"] == 2
        key = remote.results("watched").trials["key"][0]
        assert remote.annotate("watched", tags=("a",), star=True)["star"] is True
        assert remote.annotate("watched", note="b") == remote.annotation("watched")
        assert remote.annotation("watched") == {"note": "b", "tags": ["a"], "star": True}
        remote.annotate("watched", key, note="c")
        assert [trial["key"] for trial in remote.annotations("watched")] == [key]
        assert remote.annotation("watched", key)["note"] == "c"
        assert remote.rename("watched", "seen")["name"] == "seen"
        remote.submit(study)
        held.end(client.app.state.context.runs.folder("small"), "small", 0)  # type: ignore[attr-defined]
        until(lambda: remote.study("small")["state"] == "completed")
        assert remote.extend("small", 2)["spec"]["seeds"] == [0, 1, 2]
        with pytest.raises(InputError, match="unknown study 'gone'"):
            remote.annotate("gone", star=True)
