"""The report of a study: one HTML page that opens offline, the same in Markdown, and the results as CSV and Parquet."""

from __future__ import annotations

import datetime
import html
import importlib.metadata
import pathlib
import platform
from typing import TYPE_CHECKING

import yaml

from sensitivity.figures import metric_name
from sensitivity.measures import Measured
from sensitivity.planning import METRICS
from sensitivity.questions import QUESTIONS
from sensitivity.results import Results, records
from sensitivity.summary import best_title, best_words, caveats, summary
from sensitivity.wording import setting, with_interval
from trainables.names import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def write_report(results: Results | Measured, folder: str | pathlib.Path) -> pathlib.Path:
    """Write ``report.html``, ``report.md``, and ``trials`` and ``epochs`` as CSV and Parquet; return the path of the page.

    Raises: InputError where the folder cannot be written, or the study has no result yet.
    """
    measured = results if isinstance(results, Measured) else Measured(results)
    results = measured.results
    if results.usable.empty:
        raise InputError(f"study {results.study!r} has no finished trial to report yet")
    place = pathlib.Path(folder)
    pages = {"report.html": page(measured), "report.md": markdown(measured)}
    results.save(place)
    try:
        for name, text in pages.items():
            (place / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write the report to {str(folder)!r}: {error}") from None
    return place / "report.html"


def page(measured: Measured) -> str:
    """The report as one self-contained HTML page."""
    from plotly.offline import get_plotlyjs

    results = measured.results
    parts = [f"<h1>{_text(results.study)}</h1>", f"<p class='lead'>{_text(_lead(results))}</p>"]
    warnings = caveats(measured)
    if warnings:
        parts.append(f"<aside><h2>Read with care</h2>{_bullets(warnings)}</aside>")
    for task in dict.fromkeys(task for task, _ in results.groups):
        parts.append(f"<section><h2>{_text(task)}</h2>{_bullets(summary(measured, task))}")
        parts.append(_html_table(*_overview_rows(measured, task)))
        parts.append(f"<p class='note'>{_text(_how_to_read(measured))}</p>")
        for question in QUESTIONS:
            if question.once:
                continue
            parts.append(f"<h3>{_text(question.title)}</h3>")
            if not question.applies(measured, task):
                parts.append(f"<p class='note'>{_text(question.why_not(measured, task))}</p>")
                continue
            parts.append(_bullets(question.sentences(measured, task)))
            for drawing in question.drawn(measured, task):
                figure = drawing(measured, task).to_html(
                    full_html=False, include_plotlyjs=False, config={"displaylogo": False, "responsive": True}
                )
                parts.append(f"<figure>{figure}<figcaption>{_text(drawing.words)}</figcaption></figure>")
        parts.append("</section>")
    parts.append(
        f"<section class='provenance'><h2>How this was "
        f"made</h2>{_html_table(*_provenance(results))}<pre>{_text(_spec(results))}</pre></section>"
    )
    body = "\n".join(parts)
    return (
        f"<!doctype html>\n<html lang='en'><head><meta charset='utf-8'><meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>{_text(results.study)}: hyperparameter sensitivity</title><style>{STYLE}</style><script>{get_plotlyjs()}</script></head>"
        f"<body><main>{body}</main></body></html>\n"
    )


def markdown(measured: Measured) -> str:
    """The report without figures, as Markdown."""
    results = measured.results
    lines = [f"# {results.study}", "", _lead(results), ""]
    warnings = caveats(measured)
    if warnings:
        lines += ["## Read with care", "", *(f"- {each}" for each in warnings), ""]
    for task in dict.fromkeys(task for task, _ in results.groups):
        lines += [f"## {task}", "", *(f"- {each}" for each in summary(measured, task)), ""]
        lines += [*_markdown_table(*_overview_rows(measured, task)), "", _how_to_read(measured), ""]
        lines += ["### Shares of the variance of the loss", "", *_markdown_table(*_effect_rows(measured, task)), ""]
    lines += ["## How this was made", "", *_markdown_table(*_provenance(results)), "", "```yaml", _spec(results).rstrip(), "```", ""]
    return "\n".join(lines)


HOW_TO_READ = (
    "Intervals are 95 % bootstrap intervals (divergence: Wilson). Sensitivity: mean excess of the loss over the best, in units of the loss "
    "and capped at {cap}, over {what} (Wortsman et al. 2023)."
)
ROBUST = " Robust width: decades of learning rate within 10 % of the best loss."


def _how_to_read(measured: Measured) -> str:
    over = {"lr": "the range of learning rates"}.get(measured.compared_over or "", "all configurations")
    cap = "the initial loss" if measured.results.metric in METRICS else "the worst that any trial ended with"
    return HOW_TO_READ.format(what=over, cap=cap) + (ROBUST if measured.compared_over == "lr" else "")


def _overview_rows(measured: Measured, task: str) -> tuple[Sequence[str], list[list[str]]]:
    table = measured.overview
    table = table[table["task"] == task]
    wide = bool(table["robust_width"].notna().any())
    of_what = f"{measured.compared_over} sensitivity" if measured.compared_over else "sensitivity"
    head = ("variant", best_title(measured.results), "at", of_what, *(["robust width (decades)"] if wide else []), "diverged", "trials")
    rows = []
    for row in records(table):
        diverged = f"{row['divergence_rate']:.0%} ({row['divergence_rate_low']:.0%} to {row['divergence_rate_high']:.0%})"
        value = with_interval(row, "sensitivity") if row["learned"] else "did not learn"
        width = [with_interval(row, "robust_width") if row["learned"] else ""] if wide else []
        at = setting(row["configuration"])
        rows.append([row["variant"], best_words(measured.results, row), at, value, *width, diverged, str(row["n"])])
    return head, rows


def _effect_rows(measured: Measured, task: str) -> tuple[Sequence[str], list[list[str]]]:
    table = measured.main_effects
    table = table[table["task"] == task]
    effects = list(dict.fromkeys(table["effect"]))
    rows = []
    for variant, part in table.groupby("variant", sort=False):
        found = {row["effect"]: f"{row['value']:.0%} ({row['low']:.0%} to {row['high']:.0%})" for row in records(part.dropna())}
        rows.append([str(variant), *(found.get(effect, "") for effect in effects)])
    return ["variant", *effects], rows


def _lead(results: Results) -> str:
    counts = results.trials["status"].value_counts()
    words = ", ".join(
        f"{counts[status]} {status}" for status in ("completed", "diverged", "stopped", "failed", "running", "pending") if status in counts
    )
    seeds = results.trials["seed"].nunique()
    designs = " and ".join(dict.fromkeys(map(results.design_of, results.spaces)))
    variants = list(dict.fromkeys(results.trials["variant"]))
    who = variants[0] if len(variants) == 1 else f"each of {len(variants)} variants"
    return (
        f"How sensitive is {who} to its hyperparameters? "
        f"{len(results.trials)} trials ({words}), {seeds} seed{'s' if seeds != 1 else ''}, {designs} design, "
        f"judged by the {metric_name(results)}."
    )


def _provenance(results: Results) -> tuple[Sequence[str], list[list[str]]]:
    packages = ("optimizer-sensitivity", "torch", "ray", "optuna", "scikit-learn", "pandas", "plotly")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages if _installed(name))
    hours, minutes = divmod(round(float(results.trials["seconds"].sum()) / 60), 60)
    rows = [
        ["written", datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")],
        ["training time, all workers", f"{hours} h {minutes:02d} min"],
        ["reported on", f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"],
        ["versions", versions],
    ]
    return ("", ""), rows


def _installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _spec(results: Results) -> str:
    return yaml.safe_dump(dict(results.spec), sort_keys=False, default_flow_style=None, width=100)


def _text(words: str) -> str:
    return html.escape(words)


def _bullets(sentences: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li>{_text(each)}</li>" for each in sentences) + "</ul>"


def _html_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "<thead><tr>" + "".join(f"<th>{_text(each)}</th>" for each in head) + "</tr></thead>" if any(head) else ""
    body = "".join("<tr>" + "".join(f"<td>{_text(each)}</td>" for each in row) + "</tr>" for row in rows)
    return f"<div class='scroll'><table>{top}<tbody>{body}</tbody></table></div>"


def _markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]


STYLE = """
:root { color-scheme: light; }
body { margin: 0; background: #fff; color: #222; font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 2rem; margin: 0; } h2 { font-size: 1.35rem; margin: 2.2rem 0 .5rem; }
.lead { color: #555; margin: .25rem 0 1.5rem; max-width: 75ch; } li { margin: .3rem 0; max-width: 90ch; }
aside { border-left: 4px solid #E69F00; background: #fff8ea; padding: .2rem 1rem .4rem; margin: 1rem 0; } aside h2 { margin: .6rem
0 0; font-size: 1.05rem; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: .9rem; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .4rem .7rem .4rem 0; border-bottom: 1px solid #e6e6e6; vertical-align: top; } th { color: #555;
font-weight: 600; }
.note, figcaption { color: #555; font-size: .9rem; max-width: 90ch; } figure { margin: 2.2rem 0; } figcaption { margin-top: .2rem; }
pre { background: #f6f6f6; padding: 1rem; overflow-x: auto; font-size: .85rem; } .provenance td:first-child { white-space: nowrap;
color: #555; }
@media print { main { max-width: none; padding: 0; } figure, table, aside { break-inside: avoid; } body { font-size: 12px; }
.modebar { display: none; } }
"""
