"""Break lines of the code at random, one at a time, and see whether the tests notice.

    python benchmarks/breaks.py [--seed 1] [--lines 20] [--only N ...] -- PYTEST ARGUMENTS

A line is drawn from all lines that hold something to break: a comparison, a sum, a product, ``and``, ``or``, ``not``, a
number, a condition, a call whose result is not used, or the value of a ``return``. A copy of the tree gets one break,
and pytest runs there with the given arguments until the first failure. The same seed and the same code give the same
breaks, so two test suites can be compared. The unit tests of the same folder run before all others.
"""

import argparse
import ast
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SWAPS = {
    ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==", ast.In: "not in",
    ast.NotIn: "in", ast.Is: "is not", ast.IsNot: "is", ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.Div: "*",
    ast.And: "or", ast.Or: "and",
}  # fmt: skip
OPERATOR = re.compile(rb"[-+*/<>=!]=?|\b(not in|is not|in|is|and|or)\b")


@dataclass(frozen=True)
class Break:
    """A piece of a file, given by the offsets of its bytes, and what stands there instead."""

    file: Path
    line: int
    start: int
    end: int
    text: str


def breaks_of(file: Path) -> Iterator[Break]:
    """Every break of a file. Strings, annotations and docstrings are left alone."""
    source = file.read_bytes()
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def at(node: ast.AST) -> tuple[int, int]:
        return starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset

    def between(left: ast.expr, right: ast.expr, operator: ast.AST) -> Iterator[Break]:
        start, end = at(left)[1], at(right)[0]
        found = OPERATOR.search(source, start, end)
        if found and type(operator) in SWAPS:
            yield Break(file, left.end_lineno, *found.span(), SWAPS[type(operator)])

    tree = ast.parse(source)
    annotations: set[int] = set()
    for node in ast.walk(tree):
        for field in ("annotation", "returns"):
            if (noted := getattr(node, field, None)) is not None:
                annotations |= {id(inner) for inner in ast.walk(noted)}
    for node in ast.walk(tree):
        if id(node) in annotations:
            continue
        match node:
            case ast.Compare():
                yield from between(node.left, node.comparators[0], node.ops[0])
            case ast.BinOp():
                yield from between(node.left, node.right, node.op)
            case ast.BoolOp():
                yield from between(node.values[0], node.values[1], node.op)
            case ast.Constant(value=bool(value)):
                yield Break(file, node.lineno, *at(node), str(not value))
            case ast.Constant(value=int(value) | float(value)):
                yield Break(file, node.lineno, *at(node), repr(value + 1))
            case ast.If() | ast.IfExp():
                start, end = at(node.test)
                yield Break(file, node.test.lineno, start, end, f"not ({source[start:end].decode()})")
            case ast.Expr(value=ast.Call()):
                yield Break(file, node.lineno, *at(node), "pass")
            case ast.Return(value=ast.expr() as value):
                yield Break(file, value.lineno, *at(value), "None")


def drawn(seed: int, n_lines: int) -> list[Break]:
    """Breaks of different lines, each line with the same probability."""
    by_line: dict[tuple[Path, int], list[Break]] = {}
    for file in sorted((ROOT / "scripts").rglob("*.py")):
        for one in breaks_of(file):
            by_line.setdefault((file, one.line), []).append(one)
    rng = random.Random(seed)
    return [rng.choice(by_line[line]) for line in rng.sample(sorted(by_line), n_lines)]


def notice(one: Break, arguments: list[str]) -> tuple[str, str]:
    """The broken line, and the first test that fails ('' if none does)."""
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder, "tree")
        for name in tracked:
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name)
        file = tree / one.file.relative_to(ROOT)
        source = one.file.read_bytes()
        broken = source[: one.start] + one.text.encode() + source[one.end :]
        file.write_bytes(broken)
        near = str(Path("tests/unit", *one.file.parent.relative_to(ROOT / "scripts").parts[1:]))
        for tests in ([near], ["tests", f"--ignore={near}"]):
            command = [sys.executable, "-m", "pytest", "-x", "-rfE", "-p", "no:cacheprovider", *tests, *arguments]
            done = subprocess.run(command, cwd=tree, capture_output=True, text=True)
            if done.returncode != 0:
                break
        failed = re.findall(r"^(?:FAILED|ERROR) (\S+)", done.stdout, flags=re.MULTILINE)
        name = failed[0] if failed else "" if done.returncode == 0 else f"exit status {done.returncode}"
        return broken.splitlines()[one.line - 1].decode().strip(), name


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lines", type=int, default=20)
    parser.add_argument("--only", type=int, nargs="+", help="numbers of the breaks to run; 0 is the first")
    parser.add_argument("pytest", nargs="*")
    options = parser.parse_args()
    for number, one in enumerate(drawn(options.seed, options.lines)):
        if options.only is None or number in options.only:
            began = time.monotonic()
            line, noticed = notice(one, options.pytest)
            where = f"{one.file.relative_to(ROOT / 'scripts')}:{one.line}"
            seconds = time.monotonic() - began
            print(f"{number:2} {where:45} {line[:70]:70} {seconds:5.0f} s  {noticed or 'not noticed'}", flush=True)


if __name__ == "__main__":
    main()
