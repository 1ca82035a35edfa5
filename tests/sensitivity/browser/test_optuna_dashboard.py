"""A study exported to Optuna, in optuna-dashboard: every variant is a study, with settings under names that say so."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import optuna
import pytest

from sensitivity.exchange.to_optuna import all_to_optuna
from sensitivity.results.demo import STUDY, demo

DASHBOARD = "optuna_dashboard"


class Quiet(WSGIRequestHandler):
    def log_message(self, *words: Any) -> None:
        pass


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of the storage."""
    place = tmp_path_factory.mktemp("optuna") / "optuna.db"
    assert len(all_to_optuna(demo(), place)) == 6
    return f"sqlite:///{place}"


@pytest.fixture(scope="module")
def served(exported: str) -> Iterator[str]:
    """The address of optuna-dashboard over the storage."""
    dashboard = pytest.importorskip(DASHBOARD, reason="needs optuna-dashboard")
    server = make_server("127.0.0.1", 0, dashboard.wsgi(exported), handler_class=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.slow
def test_optuna_dashboard_shows_every_variant_and_its_best_setting(
    browser: Any, served: str, exported: str
) -> None:
    page = browser.new_page()
    page.goto(f"{served}/dashboard/")
    for variant in ("adam", "sgd"):
        page.get_by_text(f"{STUDY} / {variant}").first.wait_for()
    page.get_by_text(f"{STUDY} / adam").first.click()
    page.get_by_text("Best Trial (number=").first.wait_for()  # "Best Trials" until it is known
    study = optuna.load_study(study_name=f"{STUDY} / adam", storage=exported)
    assert set(study.best_params) == {"lr", "-log10(1 - mu)"}
    text = page.inner_text("body")
    assert "-log10(1 - mu)" in text
    best = f"{study.best_value:.4g}"
    assert best in text or str(study.best_value) in text
    page.close()
