"""The tables of docs/validation.md, from the raw rows of the simulations.

``python -m tests.benchmarks.validation_page FOLDER`` copies ``coverage.csv``, ``shares.csv``, ``verdicts.csv`` and
``measures.csv`` of the folder to docs/validation, and writes their tables between the marks of docs/validation.md.
"""

from __future__ import annotations

import argparse
import math
import pathlib
import re
import shutil

import pandas as pd

DOCS = pathlib.Path(__file__).parents[2] / "docs"
LOWEST = 0.92
STATISTICS = {"best": "best loss", "regret": "R", "tuned": "R*", "untuned": "S", "miss": "C(3)"}


def share(value: float, studies: int, from_zero: float = 0.0) -> str:
    """Return a coverage as text: in bold where it is below 92% by more than two standard errors, in italics
    where most intervals hold 0."""
    if pd.isna(value):
        return ""
    text = f"{100 * value:.1f}"
    error = math.sqrt(LOWEST * (1 - LOWEST) / studies)
    if value < LOWEST - 2 * error:
        return f"**{text}**"
    return f"*{text}*" if from_zero > 0.5 else text


def markdown(rows: list[list[str]]) -> str:
    """Return a table; the first row is its head."""
    lines = [rows[0], ["---"] * len(rows[0]), *rows[1:]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def coverage(table: pd.DataFrame) -> str:
    """Return one table for each number of seeds: cells by statistics."""
    parts = []
    for seeds, part in table.groupby("seeds"):
        known = part.set_index(["cell", "statistic"])
        names = [name for name in STATISTICS if name in set(part["statistic"])]
        if not names:  # one seed has no interval
            continue
        rows = [["studies of", *(STATISTICS[name] for name in names), "studies"]]
        for cell in dict.fromkeys(part["cell"]):
            cells = [
                share(*known.loc[(cell, name), ["coverage", "studies", "from_zero"]])
                if (cell, name) in known.index
                else ""
                for name in names
            ]
            rows.append([cell, *cells, f"{part.loc[part['cell'] == cell, 'simulated'].max():,}"])
        parts.append(f"**{seeds} seed{'' if seeds == 1 else 's'}**\n\n{markdown(rows)}")
    return "\n\n".join(parts)


def best(table: pd.DataFrame) -> str:
    """Return bias and error of the best loss beside those of the plain minimum, at three seeds."""
    wide = table[table["seeds"] == 3].pivot(index="cell", columns="statistic", values=["bias", "rmse"])
    rows = [["studies of", "bias", "of the minimum", "RMSE", "of the minimum"]]
    for cell in dict.fromkeys(table["cell"]):
        if cell in wide.index:
            rows.append(
                [
                    cell,
                    *(
                        f"{wide.loc[cell, (what, name)]:.2f}"
                        for what in ("bias", "rmse")
                        for name in ("best", "plain minimum")
                    ),
                ]
            )
    return markdown(rows)


def shares(table: pd.DataFrame) -> str:
    """Return the smallest and largest coverage of any effect, cells by numbers of seeds."""
    rows = [["studies of", *(f"{seeds} seeds" for seeds in sorted(set(table["seeds"])))]]
    for cell, part in table.groupby("cell", sort=False):
        cells = []
        for seeds in sorted(set(table["seeds"])):
            found = part[part["seeds"] == seeds]
            ends = (
                [
                    share(*found.loc[end, ["coverage", "studies"]])
                    for end in (found["coverage"].idxmin(), found["coverage"].idxmax())
                ]
                if len(found)
                else []
            )
            cells.append(" to ".join(ends))
        rows.append([str(cell), *cells])
    return markdown(rows)


def verdicts(table: pd.DataFrame) -> str:
    """Return the errors of verdicts, in percent."""
    rows = [["studies of", "error", "studies", "share", "promised"]]
    for row in table.to_dict("records"):
        promised = "" if row["error"] == "an extreme is named" else f"at most {row['promised']:.0%}"
        rows.append([row["studies of"], row["error"], f"{row['studies']:,}", f"{row['share']:.1%}", promised])
    return markdown(rows)


def measures(table: pd.DataFrame) -> str:
    """Return the coverage of other intervals, and how often true nulls are rejected."""
    rows = [["measure", "setting", "studies", "share", "should be", ""]]
    for row in table.to_dict("records"):
        inside = row["low"] <= row["share"] <= row["high"]
        bounds = f"{100 * row['low']:.0f} to {100 * row['high']:.0f}"
        numbers = [f"{row['studies']:,}", f"{100 * row['share']:.1f}", bounds]
        rows.append([f"`{row['measure']}`", row["setting"], *numbers, "" if inside else "outside"])
    return markdown(rows)


def main() -> None:
    """Copy the raw rows and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    folder = parser.parse_args().folder
    page = DOCS / "validation.md"
    text = page.read_text()
    (DOCS / "validation").mkdir(exist_ok=True)
    for file, marks in (
        ("coverage.csv", {"coverage": coverage, "best": best}),
        ("shares.csv", {"shares": shares}),
        ("verdicts.csv", {"verdicts": verdicts}),
        ("measures.csv", {"measures": measures}),
    ):
        if not (folder / file).exists():
            continue
        shutil.copy(folder / file, DOCS / "validation" / file)
        table = pd.read_csv(folder / file)
        for mark, made in marks.items():
            text = re.sub(
                rf"(<!-- {mark} -->\n).*?(<!-- end -->)",
                lambda found, made=made, table=table: f"{found[1]}\n{made(table)}\n\n{found[2]}",  # type: ignore[misc]
                text,
                flags=re.DOTALL,
            )
    page.write_text(text)


if __name__ == "__main__":
    main()
