import ast
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from soundsift import code_digest as digests
from soundsift.code_digest import SCRIPTS, code_digest, use_in_jobs

LINE = "return 1 + len(name)"
MODULE = f'''"""A module."""


def size(name: str) -> int:
    """Count the letters of a name."""
    {LINE}
'''
Copy = Callable[[str, str, str], Path]


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    """Copy the scripts into a folder of their own and replace one text in one file of the copy."""

    def make(file: str, old: str, new: str) -> Path:
        scripts = tmp_path / f"copy{len(list(tmp_path.iterdir()))}" / "scripts"
        shutil.copytree(SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
        text = (scripts / file).read_text(encoding="utf-8")
        assert old in text
        (scripts / file).write_text(text.replace(old, new, 1), encoding="utf-8")
        return scripts

    return make


def small(folder: Path, module: str | bytes = MODULE, script: str = "from soundsift import sizes\n") -> str:
    """Digest of a script that imports one invented module."""
    files = {"step.py": script, "soundsift/sizes.py": module, "soundsift/joblog.py": "LEVEL = 1\n"}
    return digest_of(folder, files)


def digest_of(folder: Path, files: dict[str, str | bytes]) -> str:
    """Digest of ``step.py`` in a folder with these files."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return code_digest("step", scripts=folder)


def test_a_digest_is_sixteen_hex_digits_and_does_not_depend_on_the_folder(copy: Copy) -> None:
    moved = copy("soundsift/features/frames.py", "", "")
    for script in ("extract_features", "download_clips"):
        assert code_digest(script, scripts=moved) == code_digest(script)
        assert len(code_digest(script)) == 16
        int(code_digest(script), 16)


def test_a_later_process_reads_no_file_again_and_a_useless_cache_is_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    kept = tmp_path / "cache" / "soundsift" / "code_digests.json"

    def digest_of_a_new_process(folder: str) -> str:
        for function in (digests._known, digests._read, digests.imported, digests.code_digest):
            function.cache_clear()
        return small(tmp_path / folder)

    first = digest_of_a_new_process("first")
    assert kept.is_file()
    monkeypatch.setattr(digests, "_source_of", lambda content: pytest.fail("was read again"))
    assert digest_of_a_new_process("again") == first
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for content in (b"", b"[1]", b'{"a": 1}', b"\xff"):
        kept.write_bytes(content)
        assert digest_of_a_new_process("again") == first
    monkeypatch.setenv("XDG_CACHE_HOME", os.devnull)
    assert digest_of_a_new_process("again") == first


def test_changed_code_counts_for_the_steps_that_use_it_and_no_other(copy: Copy) -> None:
    changed = copy("soundsift/features/frames.py", "tuning=0.0", "tuning=0.1")
    for script in ("extract_features", "augment_clips"):
        assert code_digest(script, scripts=changed) != code_digest(script)
    for script in ("download_clips", "convert_clips", "select_clips", "make_demo", "merge_features"):
        assert code_digest(script, scripts=changed) == code_digest(script)


def test_code_reached_through_another_module_counts(copy: Copy) -> None:
    # download_clips imports download, which imports columns
    changed = copy("soundsift/media/columns.py", "SILENCE_DBFS = -60.0", "SILENCE_DBFS = -50.0")
    assert code_digest("download_clips", scripts=changed) != code_digest("download_clips")


def test_a_comment_or_a_docstring_of_the_package_does_not_count(copy: Copy) -> None:
    commented = copy(
        "soundsift/features/frames.py", "    import librosa\n", "    # slow\n    import librosa  # at last\n\n"
    )
    worded = copy("soundsift/features/frames.py", '    """', '    """Another sentence. ')
    headed = copy("soundsift/features/frames.py", '"""', '"""Another sentence. ')
    for scripts in (commented, worded, headed):
        assert code_digest("extract_features", scripts=scripts) == code_digest("extract_features")


@pytest.mark.parametrize(
    "module",
    [
        MODULE.replace(LINE, f"return (1\n        + len(name))  # {LINE}"),
        MODULE.replace("Count the letters of a name.", "Count the letters of a name.\n\n    With one more."),
        MODULE.replace("A module.", "Another."),
        f"# a comment\n{MODULE}\n\n",
    ],
)
def test_layout_comments_and_docstrings_do_not_count(module: str, tmp_path: Path) -> None:
    assert small(tmp_path / "other", module) == small(tmp_path / "one")


@pytest.mark.parametrize("gone", ['"""A module."""\n', '    """Count the letters of a name."""\n'])
def test_a_new_docstring_does_not_count(gone: str, tmp_path: Path) -> None:
    assert small(tmp_path / "without", MODULE.replace(gone, "")) == small(tmp_path / "with")


@pytest.mark.parametrize(
    "module",
    [
        MODULE.replace("1 +", "2 +"),
        MODULE.replace("size(", "length("),
        MODULE + "\n\nLIMIT = 'a'\n",
        MODULE.replace(LINE, f'label = """text"""\n    {LINE}'),
    ],
)
def test_code_and_values_count(module: str, tmp_path: Path) -> None:
    assert small(tmp_path / "other", module) != small(tmp_path / "one")


@pytest.mark.parametrize(
    "script",
    [
        "from soundsift.sizes import size\n",
        "from soundsift.sizes import (\n    size as length,\n)\n",
        "def step():\n    from soundsift.sizes import size\n",
        "class Step:\n    from soundsift.sizes import size\n",
        "try:\n    pass\nexcept ImportError:\n    from soundsift import sizes\n",
        "try:\n    pass\nfinally:\n    from soundsift import sizes\n",
        "async def step():\n    with open('x'):\n        from soundsift import sizes\n",
        "match 1:\n    case 1:\n        from soundsift import sizes\n",
        "if not TYPE_CHECKING:\n    from soundsift import sizes\n",
        "if TYPE_CHECKING:\n    from soundsift import joblog\nelse:\n    from soundsift import sizes\n",
        "import soundsift.sizes as lengths\n",
        "command = ['python', '-m', 'soundsift.sizes']\n",
        "from soundsift.joblog import LEVEL\nfrom soundsift import sizes as lengths\n",
    ],
)
def test_a_module_counts_however_it_is_imported_and_reporting_never_does(script: str, tmp_path: Path) -> None:
    before = small(tmp_path / "one", script=script)
    assert small(tmp_path / "other", MODULE + "X = 1\n", script) != before
    files = {"step.py": script, "soundsift/sizes.py": MODULE, "soundsift/joblog.py": "LEVEL = 2\n"}
    assert digest_of(tmp_path / "reporting", files) == before


@pytest.mark.parametrize("guard", ["TYPE_CHECKING", "typing.TYPE_CHECKING"])
def test_an_import_for_type_checkers_does_not_count(guard: str, tmp_path: Path) -> None:
    script = f"if {guard}:\n    from soundsift import sizes\n"
    assert small(tmp_path / "other", MODULE + "X = 1\n", script) == small(tmp_path / "one", script=script)
    module = MODULE.replace("def size", f"if {guard}:\n    from array import array\n\ndef size")
    assert small(tmp_path / "guarded", module) == small(tmp_path / "plain")


@pytest.mark.parametrize("empty", ["", "pass\n", '"""A docstring."""\n', "# a comment\n"])
def test_a_module_counts_from_its_first_statement(empty: str, tmp_path: Path) -> None:
    assert small(tmp_path / "empty", empty) == small(tmp_path / "nothing", "")
    assert small(tmp_path / "value", empty + "X = 1\n") == small(tmp_path / "plain", "X = 1\n")
    assert small(tmp_path / "other", empty + "X = 2\n") != small(tmp_path / "plain", "X = 1\n")


@pytest.mark.parametrize(
    "described",
    [
        "@dataclass\nclass Size:\n    {text}\n    n: int = 1\n    {text}\n",
        "class Size:\n    def of(self):\n        {text}\n        return 1\n",
        "def outer():\n    def inner():\n        {text}\n        return 1\n    return inner\n",
        "class Failure(Exception):\n    {text}\n",
    ],
)
def test_descriptions_of_classes_fields_and_inner_functions_do_not_count(described: str, tmp_path: Path) -> None:
    one, other, none = (described.format(text=text) for text in ('"""One."""', '"""Other."""', "pass"))
    assert small(tmp_path / "one", one) == small(tmp_path / "other", other) == small(tmp_path / "none", none)


def test_a_module_in_another_encoding_is_read_as_python_reads_it(tmp_path: Path) -> None:
    text = "# coding: latin-1\nNAME = 'Größe'\n"
    expected = small(tmp_path / "plain", "NAME = 'Größe'\n")
    assert small(tmp_path / "latin", text.encode("latin-1")) == expected
    assert small(tmp_path / "bom", "NAME = 'Größe'\n".encode("utf-8-sig")) == expected
    assert small(tmp_path / "other", text.replace("ö", "o").encode("latin-1")) != expected


def test_the_init_of_every_folder_above_a_module_counts(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "step.py": "from soundsift.a.b.c import X\n",
        "soundsift/__init__.py": "",
        "soundsift/a/__init__.py": "",
        "soundsift/a/b/__init__.py": "",
        "soundsift/a/b/c.py": "X = 1\n",
    }
    before = digest_of(tmp_path / "before", files)
    for name in files:
        if name.endswith("__init__.py"):
            other = files | {name: "import os\n"}
            assert digest_of(tmp_path / name.replace("/", "-"), other) != before


# a page that shows a table and includes a style; a template that nothing names
PAGES: dict[str, str | bytes] = {
    "step.py": "from soundsift.report import page\n",
    "soundsift/report/page.py": 'text = render(__file__, "page.html") + render(__file__, "parts/table.html")\n',
    "soundsift/report/templates/page.html": '<p>{% include "page.css" %}</p>',
    "soundsift/report/templates/page.css": "p { color: black }",
    "soundsift/report/templates/parts/table.html": "<table>{% include 'parts/row.html' %}</table>",
    "soundsift/report/templates/parts/row.html": "<tr></tr>",
    "soundsift/report/templates/unused.html": "<p></p>",
}


@pytest.mark.parametrize("name", [name for name in PAGES if "/templates/" in name])
def test_a_template_counts_if_a_module_names_it_or_a_named_template_includes_it(name: str, tmp_path: Path) -> None:
    edited = digest_of(tmp_path / "edited", PAGES | {name: "\xff edited".encode("latin-1")})
    removed = digest_of(tmp_path / "removed", {file: text for file, text in PAGES.items() if file != name})
    before = digest_of(tmp_path / "before", PAGES)
    assert (edited != before, removed != before) == ((False, False) if "unused" in name else (True, True))


def test_templates_that_include_each_other_end(tmp_path: Path) -> None:
    pages = PAGES | {"soundsift/report/templates/page.css": '{% include "page.html" %}'}
    assert digest_of(tmp_path / "ring", pages) != digest_of(tmp_path / "before", PAGES)


# Modules that use their own place for something else than templates: the digest itself, the schema that the Snakefile
# checks the configuration with, and the folder that a child process imports the package from.
OWN_PLACE = {"code_digest.py", "settings.py", "ytdlp_warm.py"}
# Modules that write documentation from docstrings. No step imports them.
DOCUMENTATION = {"reference.py"}
IMPORTERS = {"importlib", "pkgutil", "runpy", "imp"}
EVALUATORS = {"__import__", "eval", "exec", "compile", "__doc__"}
INCLUDE = re.compile(r"{%-?\s*(?:include|extends|import|from)\s+(\S+)")


def unfollowed(path: Path, scripts: Path = SCRIPTS) -> list[str]:
    """Forms in a module or script that the digest cannot follow, as ``line: reason``."""
    siblings = {file.stem for file in scripts.glob("*.py")}

    def of_import(node: ast.Import) -> Iterator[str]:
        for alias in node.names:
            first = alias.name.split(".")[0]
            if first == "soundsift" or first in siblings:
                yield f"import {alias.name}"
            elif first in IMPORTERS and alias.name != "importlib.metadata":
                yield f"a computed import by {alias.name}"

    def of_from(node: ast.ImportFrom) -> Iterator[str]:
        module = node.module or ""
        if node.level:
            yield "a relative import"
        elif module.split(".")[0] in siblings:
            yield f"an import of the script {module}"
        elif module.split(".")[0] in IMPORTERS and module != "importlib.metadata":
            if {alias.name for alias in node.names} != {"metadata"}:
                yield f"a computed import by {module}"
        elif module.split(".")[0] == "soundsift":
            for alias in node.names:
                if alias.name == "*":
                    yield "a star import"
                if (scripts.joinpath(*module.split("."), alias.name) / "__init__.py").is_file():
                    yield f"the folder {alias.name} imported by its name"

    def of_render(node: ast.Call) -> Iterator[str]:
        names = [arg.value for arg in node.args[1:] if isinstance(arg, ast.Constant)]
        if ast.unparse(node.args[0]) != "__file__" or len(names) != 1:
            yield "a template that is not named by __file__ and a plain string"
        elif not (path.parent / "templates" / str(names[0])).is_file():
            yield f"the template {names[0]}, which does not exist"

    tree = ast.parse(path.read_bytes())
    rendered = {
        id(node.args[0]) for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args
        and ast.unparse(node.func) == "render"
    }  # fmt: skip
    excepted = {id(node) for node in ast.walk(tree)} if path.name in OWN_PLACE else set()
    found: list[tuple[int, str]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(node.lineno, reason) for reason in of_import(node)]
        elif isinstance(node, ast.ImportFrom):
            found += [(node.lineno, reason) for reason in of_from(node)]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "render":
            found += [(node.lineno, reason) for reason in of_render(node)]
        elif isinstance(node, ast.Name) and node.id in EVALUATORS:
            found.append((node.lineno, node.id))
        elif isinstance(node, ast.Attribute) and node.attr == "__doc__" and path.name not in DOCUMENTATION:
            found.append((node.lineno, "__doc__"))
        elif isinstance(node, ast.Name) and node.id == "__file__" and id(node) not in rendered | excepted:
            found.append((node.lineno, "a file beside the module that is no template"))
    return [f"{line}: {reason}" for line, reason in sorted(found)]


def test_the_package_and_the_scripts_use_only_forms_that_the_digest_follows() -> None:
    found = {str(path.relative_to(SCRIPTS)): unfollowed(path) for path in sorted(SCRIPTS.rglob("*.py"))}
    assert len(found) > 100
    assert {path: reasons for path, reasons in found.items() if reasons} == {}


def test_templates_include_only_what_they_name_in_quotes() -> None:
    templates = [path for path in SCRIPTS.rglob("templates/**/*") if path.is_file()]
    computed = {
        path.name: name
        for path in templates
        for name in INCLUDE.findall(path.read_text(encoding="utf-8"))
        if name[0] not in "\"'"
    }
    assert computed == {}


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        ("import soundsift", "1: import soundsift"),
        ("import soundsift.media.decode", "1: import soundsift.media.decode"),
        ("import soundsift.media.decode as decode", "1: import soundsift.media.decode"),
        ("from soundsift import media", "1: the folder media imported by its name"),
        ("from soundsift.media import sources", "1: the folder sources imported by its name"),
        ("from soundsift.media.decode import *", "1: a star import"),
        ("from . import decode", "1: a relative import"),
        ("from .decode import cut", "1: a relative import"),
        ("from extract_features import extract_features", "1: an import of the script extract_features"),
        ("import extract_features", "1: import extract_features"),
        ("from importlib import import_module", "1: a computed import by importlib"),
        ("def f():\n    import importlib", "2: a computed import by importlib"),
        ("__import__('soundsift.media')", "1: __import__"),
        ("exec('import soundsift')", "1: exec"),
        ("help = __doc__", "1: __doc__"),
        ("help = f.__doc__", "1: __doc__"),
        ("open(__file__)", "1: a file beside the module that is no template"),
        ("render(__file__, name)", "1: a template that is not named by __file__ and a plain string"),
        ("render(other, 'page.html')", "1: a template that is not named by __file__ and a plain string"),
        ("render(__file__, 'none.html')", "1: the template none.html, which does not exist"),
    ],
)
def test_a_form_that_the_digest_does_not_follow_is_noticed(form: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text(form + "\n")
    assert unfollowed(tmp_path / "module.py") == [reason]


def test_forms_that_the_digest_follows_are_allowed(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "page.html").touch()
    lines = [
        "from soundsift.media import decode",
        "from importlib.metadata import version",
        "import importlib.metadata",
    ]
    (tmp_path / "module.py").write_text("\n".join([*lines, 'render(__file__, "page.html", title=1)']))
    assert unfollowed(tmp_path / "module.py") == []


def test_jobs_look_beside_the_scripts_before_anything_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for before, after in (("", str(tmp_path)), ("/other", f"{tmp_path}{os.pathsep}/other")):
        monkeypatch.setenv("PYTHONPATH", before)
        use_in_jobs(tmp_path)
        assert os.environ["PYTHONPATH"] == after
