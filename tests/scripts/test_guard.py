"""Rules of the project that no tool checks."""

import ast
import itertools
import re
import sys
from pathlib import Path

import pytest
import yaml

from soundsift.code_digest import imported

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted((ROOT / "scripts").glob("*.py"))
RULE_FILES = sorted((ROOT / "workflow" / "rules").glob("*.smk"))
ENVS = sorted((ROOT / "envs").glob("*.yaml"))
GUARD = "__name__ == '__main__'"


def guard_of(tree: ast.Module) -> ast.stmt:
    return next(node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == GUARD)


def names_in(node: ast.AST) -> set[str]:
    """Names a piece of code reads, binds or imports."""
    found: set[str] = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            found.add(part.id)
        elif isinstance(part, ast.Import):
            found |= {alias.name.split(".")[0] for alias in part.names}
        elif isinstance(part, ast.ImportFrom):
            found.add((part.module or "").split(".")[0])
        elif isinstance(part, ast.Global):
            found |= set(part.names)
        elif isinstance(part, ast.arg):
            found.add(part.arg)
    return found


def rules() -> dict[str, str]:
    """{rule: its text} of all rule files."""
    found: dict[str, str] = {}
    for path in RULE_FILES:
        pieces = re.split(r"^(?:rule|checkpoint) (\w+):$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        for name, text in zip(pieces[1::2], pieces[2::2], strict=True):
            assert name not in found
            found[name] = text
    return found


def n_lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_there_is_something_to_check() -> None:
    assert SCRIPTS and RULE_FILES and ENVS and rules()


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_snakemake_stands_only_below_the_guard(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    guard = guard_of(tree)
    assert tree.body[-1] is guard
    assert "snakemake" in names_in(guard)
    assert not [node.lineno for node in tree.body if node is not guard and "snakemake" in names_in(node)]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_is_short_and_holds_a_function_of_its_own_name(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert path.stem in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert n_lines(path) <= 60


def test_every_rule_runs_the_script_of_its_name_and_every_script_has_a_rule() -> None:
    run = {name: re.findall(r"scripts/(\w+)\.py", text) for name, text in rules().items()}
    # the target is called coverage, but a script of that name would hide the package that numba imports
    assert run.pop("coverage") == ["count_coverage"]
    assert run.pop("metadata") == ["count_metadata"]
    counting = ("count_coverage", "count_metadata")
    assert run == {path.stem: [path.stem] for path in SCRIPTS if path.stem not in counting}


def test_rule_files_are_short() -> None:
    limits = {path: 80 if path.name == "common.smk" else 150 for path in RULE_FILES} | {ROOT / "Snakefile": 60}
    assert {path.name: n_lines(path) for path, limit in limits.items() if n_lines(path) > limit} == {}


@pytest.mark.parametrize("path", ENVS, ids=lambda path: path.stem)
def test_an_environment_holds_the_locked_versions(path: Path) -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked = dict(re.findall(r"^([a-z0-9][a-z0-9._-]*)==([^\s;\\]+)", lock, flags=re.MULTILINE))
    named = dict(entry.split("=") for entry in yaml.safe_load(path.read_text(encoding="utf-8"))["dependencies"])
    assert named.pop("python")
    # conda-forge's soxr is the C library, and it writes huggingface_hub with a _
    assert named == {name: locked.get(name.removesuffix("-python").replace("_", "-")) for name in named}


@pytest.mark.parametrize("path", ENVS, ids=lambda path: path.stem)
def test_every_environment_is_used(path: Path) -> None:
    assert [name for name, text in rules().items() if f"envs/{path.name}" in text]


# Packages that come with one that an environment names.
IMPLIED = {
    "librosa": {"numpy", "scipy", "soxr", "sklearn", "numba", "llvmlite"},
    "pyarrow": {"numpy"},
    "jinja2": {"markupsafe"},
    "huggingface_hub": {"httpx2"},
}
# Packages imported in functions that the rules of an environment never call.
UNCALLED = {"features": {"yt_dlp"}, "training": {"yt_dlp"}, "media": set()}
# Packages that no code of ours imports, with the one that needs them.
NEEDED_BY = {"python": "", "yt-dlp-ejs": "yt-dlp", "deno": "yt-dlp", "tensorflow": "keras"}
PACKAGES = {"sklearn": "scikit-learn", "soxr": "soxr-python", "huggingface_hub": "huggingface_hub"}


def imported_by_the_rules_of(env: Path) -> set[str]:
    """Packages that the scripts of an environment's rules import, at the top of a module or in a function."""
    scripts = [
        name
        for text in rules().values()
        if f"envs/{env.name}" in text
        for name in re.findall(r"scripts/(\w+)\.py", text)
    ]
    return third_party(*(ROOT / "scripts" / f"{name}.py" for name in scripts))


def third_party(*files: Path) -> set[str]:
    """Packages other than ours and the standard library that files import, and the modules that they import."""
    waiting = {ROOT / "scripts" / "soundsift" / "__init__.py", *files}
    seen: set[Path] = set()
    found: set[str] = set()
    while waiting:
        module = waiting.pop()
        seen.add(module)
        waiting |= imported(module) - seen
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                found |= names_in(node) - set(sys.stdlib_module_names) - {"soundsift"}
    return found


def named_in(env: Path) -> set[str]:
    """Names of the packages of an environment file."""
    return {entry.split("=")[0] for entry in yaml.safe_load(env.read_text(encoding="utf-8"))["dependencies"]}


def package_of(module: str) -> str:
    """Name on conda-forge of the package that holds a module."""
    return PACKAGES.get(module, module.replace("_", "-"))


@pytest.mark.parametrize("path", ENVS, ids=lambda path: path.stem)
def test_an_environment_holds_what_its_scripts_import(path: Path) -> None:
    named = named_in(path)
    there = set().union(*(IMPLIED.get(name, set()) for name in named)) | UNCALLED[path.stem]
    assert {package_of(name) for name in imported_by_the_rules_of(path) - there} <= named


@pytest.mark.parametrize("path", ENVS, ids=lambda path: path.stem)
def test_an_environment_holds_nothing_that_its_scripts_do_not_import(path: Path) -> None:
    named = named_in(path)
    used = {package_of(name) for name in imported_by_the_rules_of(path)}
    used |= {name for name, needs_it in NEEDED_BY.items() if needs_it in ("", *used)}
    assert named - used == set()


def before_librosa(path: Path) -> list[str]:
    """The statement before each import of librosa in a module of the package."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        body = getattr(node, "body", None)
        for before, statement in itertools.pairwise([None, *body] if isinstance(body, list) else []):
            if isinstance(statement, ast.Import | ast.ImportFrom) and "librosa" in names_in(statement):
                found.append(ast.unparse(before) if before else "")
    return found


def test_every_import_of_librosa_comes_after_the_check_of_its_compiled_functions() -> None:
    package = ROOT / "scripts" / "soundsift"
    found = {path.stem: before_librosa(path) for path in package.rglob("*.py") if path.stem != "numba_cache"}
    assert found["frames"]
    assert {name: lines for name, lines in found.items() if set(lines) - {"compile_librosa_once()"}} == {}
    scripts = [path.name for path in SCRIPTS if before_librosa(path)]
    assert scripts == []
