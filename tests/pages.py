"""The README and the pages of docs/ in parts, as tests read them: links, headings, fenced blocks, commands."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block: the page it stands on, its language and its text."""

    page: str
    language: str
    text: str

    @property
    def file(self) -> str:
        """The name of the file it is, where its first line is a comment that says so."""
        found = re.match(r"# ([\w./]+)\n", self.text)
        return found[1] if found else ""

    def __str__(self) -> str:
        return f"{self.page}: {self.text.splitlines()[0]}"


def blocks(language: str, page: str = "") -> list[Block]:
    """All fenced blocks of a language ('' for commands), or those of one page, in their order."""
    return [
        Block(path.name, found, text)
        for path in PAGES
        if page in ("", path.name)
        for found, text in FENCE.findall(path.read_text(encoding="utf-8"))
        if found == language
    ]


def block(page: str, named: str) -> Block:
    """The one block of a page that is the file ``named``."""
    (found,) = [one for language in ("yaml", "csv") for one in blocks(language, page) if one.file == named]
    return found


def prose(path: Path) -> str:
    """A page without its fenced blocks."""
    return FENCE.sub("", path.read_text(encoding="utf-8"))


def spans(path: Path) -> list[str]:
    """What stands in a page between single backticks."""
    return [" ".join(text.split()) for text in re.findall(r"`([^`]+)`", prose(path))]


def commands() -> list[str]:
    """Every command the pages give, each once: the lines of their blocks, and what in the text begins like one."""
    lines = [re.sub(r"\s+# .*", "", line) for one in blocks("") for line in one.text.splitlines()]
    within = [text for path in PAGES for text in spans(path) if re.match(r"(snakemake|make) [a-z./-]", text)]
    return list(dict.fromkeys(line for line in [*lines, *within] if line.strip()))


# Commands of Snakemake; those for a cluster are planned by tests/slurm, where its plugin is.
SNAKEMAKE = [line.removeprefix(".venv/bin/") for line in commands() if re.match(r"(\.venv/bin/)?snakemake ", line)]
ON_A_CLUSTER = [line for line in SNAKEMAKE if "--workflow-profile" in line]
