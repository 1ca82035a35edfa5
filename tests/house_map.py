"""Draw and count the imports between the packages of the project.

``python -m tests.house_map`` prints the floors of packages, the circles of modules and the imports that go
up; with a folder of another checkout it counts those. ``--svg docs/images/house.svg`` draws the packages,
floor over floor.

An import counts wherever it stands: in a function, and under TYPE_CHECKING too. A package is a folder of
``sensitivity``, or one of the two packages below it.
"""

from __future__ import annotations

import argparse
import ast
import html
import pathlib
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping

ROOT = pathlib.Path(__file__).parents[1]
TOP = ("trainables", "search_spaces", "sensitivity")
FRONT = "sensitivity"
"""The package of the modules that are in no room: the public front and the command as a module."""
ROOMS = (
    ("trainables",),
    ("search_spaces",),
    ("text",),
    ("study",),
    ("store", "clusters"),
    ("results",),
    ("exchange", "measures", "running"),
    ("figures", "readers"),
    ("deciding", "questions", "paper"),
    ("reporting", "dashboard"),
    ("service", "integrations"),
    ("command",),
    (FRONT,),
)
"""Packages from the ground up; those of one floor do not import each other."""
Graph = Mapping[str, set[str]]


def modules_in(root: pathlib.Path) -> dict[str, pathlib.Path]:
    """Return the file of every module, by dotted name."""
    files = (path for top in TOP for path in (root / top).rglob("*.py"))
    return {
        ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): path
        for path in files
    }


def imports_of(root: pathlib.Path) -> dict[str, set[str]]:
    """Return the modules of the project that each module imports."""
    modules = modules_in(root)
    return {
        name: {other for other in _imported(path, modules) if other != name} for name, path in modules.items()
    }


def _imported(path: pathlib.Path, modules: Mapping[str, pathlib.Path]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom) and node.module in modules:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in modules else str(node.module)


def room_of(module: str) -> str:
    """Return the package of a module.

    >>> room_of("sensitivity.measures.forest"), room_of("trainables.losses"), room_of("sensitivity.__main__")
    ('measures', 'trainables', 'sensitivity')
    """
    top, *rest = module.split(".")
    return top if top != FRONT or not rest or rest[0] in ("__main__", "cli") else rest[0]


def circles_of(imports: Graph) -> list[set[str]]:
    """Return the groups of more than one node that all reach each other."""
    reach = {node: _reached(node, imports) for node in imports}
    circles: list[set[str]] = []
    for node in imports:
        circle = {other for other in reach[node] if node in reach.get(other, ())}
        if len(circle) > 1 and circle not in circles:
            circles.append(circle)
    return circles


def _reached(node: str, imports: Graph) -> set[str]:
    reached: set[str] = set()
    waiting = [node]
    while waiting:
        new = imports.get(waiting.pop(), set()) - reached
        reached |= new
        waiting += new
    return reached


def between_rooms(imports: Graph) -> dict[str, set[str]]:
    """Return the packages that each package imports."""
    rooms: dict[str, set[str]] = defaultdict(set)
    for module, others in imports.items():
        rooms[room_of(module)] |= {room_of(other) for other in others} - {room_of(module)}
    return dict(rooms)


def floors_of(rooms: Graph) -> dict[str, int]:
    """Return the floor of each package: 1 for one that imports none, else one above the highest that it
    imports.

    Packages of a circle share a floor.
    """
    circle_of = {room: frozenset(circle) for circle in circles_of(rooms) for room in circle}
    floors: dict[str, int] = {}

    def floor(room: str) -> int:
        if room not in floors:
            circle = circle_of.get(room, frozenset({room}))
            below = {other for member in circle for other in rooms.get(member, ())} - circle
            level = 1 + max(map(floor, below), default=0)
            floors.update(dict.fromkeys(circle, level))
        return floors[room]

    for room in rooms:
        floor(room)
    return floors


def upward(imports: Graph) -> list[tuple[str, str]]:
    """Return the imports from a package to one on its own floor or above, by the order of :data:`ROOMS`."""
    level = {room: number for number, rooms in enumerate(ROOMS) for room in rooms}
    arrows = {
        (module, other)
        for module, others in imports.items()
        for other in others
        if room_of(module) != room_of(other)
    }
    return sorted((a, b) for a, b in arrows if level.get(room_of(b), 0) >= level.get(room_of(a), 0))


def drawn(rooms: Graph) -> str:
    """Return an SVG picture of the packages: floor over floor, with a line for each import that no chain of
    others implies."""
    levels = [[room for room in level if room in rooms] for level in ROOMS]
    levels = [level for level in levels if level]
    width, height, gap = 560, 40, 26
    place: dict[str, tuple[float, float]] = {}
    for number, level in enumerate(reversed(levels)):
        for position, room in enumerate(level):
            place[room] = (width * (2 * position + 1) / (2 * len(level)), 20 + number * (height + gap))
    lines = []
    for room, others in sorted(rooms.items()):
        implied = {far for other in others for far in _reached(other, rooms)}
        for other in sorted(others - implied):
            (x1, y1), (x2, y2) = place[room], place[other]
            lines.append(
                f'<line x1="{x1:.0f}" y1="{y1 + height:.0f}" x2="{x2:.0f}" y2="{y2:.0f}" stroke="#8a8f98"/>'
            )
    boxes = [
        f'<rect x="{x - 62:.0f}" y="{y:.0f}" width="124" height="{height}" rx="6" fill="#eef2f7" '
        f'stroke="#4a5568"/>'
        f'<text x="{x:.0f}" y="{y + 25:.0f}" text-anchor="middle">{html.escape(room)}</text>'
        for room, (x, y) in place.items()
    ]
    tall = len(levels) * (height + gap) + 20
    start = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {tall}" font-family="sans-serif" '
        f'font-size="14">'
    )
    ground = '<rect width="100%" height="100%" fill="#ffffff"/>'
    return "\n".join([start, ground, *lines, *boxes, "</svg>"]) + "\n"


def main() -> int:
    """Print the counts; return 1 where there is a circle or an import that goes up."""
    parser = argparse.ArgumentParser(description="Count the imports between the packages of the project.")
    parser.add_argument(
        "root", nargs="?", type=pathlib.Path, default=ROOT, help="a checkout; this one if not given"
    )
    parser.add_argument("--svg", type=pathlib.Path, help="write a picture of the packages to this file")
    arguments = parser.parse_args()
    imports = imports_of(arguments.root)
    rooms = between_rooms(imports)
    circles, up = circles_of(imports), upward(imports)
    known = {room for level in ROOMS for room in level}
    print(f"{len(imports)} modules in {len(rooms)} packages on {max(floors_of(rooms).values())} floors")
    print(f"floors of modules: {max(floors_of(imports).values())}")
    print(f"circles of modules: {len(circles)}{''.join(f', one of {len(circle)}' for circle in circles)}")
    print(f"circles of packages: {len(circles_of(rooms))}")
    print(f"imports from a package to one on its floor or above: {len(up)}")
    if set(rooms) <= known:
        print("\n".join(f"  {module} -> {other}" for module, other in up))
    else:
        print(f"packages without a floor in ROOMS: {len(set(rooms) - known)}")
    if arguments.svg is not None:
        arguments.svg.write_text(drawn(rooms), encoding="utf-8")
    return int(bool(circles or up))


if __name__ == "__main__":
    sys.exit(main())
