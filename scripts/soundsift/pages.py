"""Tables as pages for the report: one HTML file that needs nothing else, with a box to search the rows."""

from base64 import b64encode
from collections.abc import Sequence
from html import escape
from pathlib import Path

import pyarrow as pa

from soundsift.tables import write_text

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 15px/1.4 sans-serif; margin: 1.5em; color: #222; }}
table {{ border-collapse: collapse; margin: .5em 0 2em; }}
th {{ text-align: left; border-bottom: 2px solid #0072B2; position: sticky; top: 0; background: white; }}
th, td {{ padding: .25em .8em; vertical-align: top; }}
tr:nth-child(even) td {{ background: #f4f6f8; }}
td.number {{ text-align: right; font-variant-numeric: tabular-nums; }}
input {{ font: inherit; padding: .2em .5em; width: 20em; }}
@media print {{ input {{ display: none; }} th {{ position: static; }} }}
</style></head><body>
<input type="search" placeholder="search the rows" aria-label="search the rows">
{tables}
<script>
document.querySelector("input").addEventListener("input", event => {{
  const wanted = event.target.value.toLowerCase();
  for (const row of document.querySelectorAll("tbody tr"))
    row.hidden = !row.textContent.toLowerCase().includes(wanted);
}});
</script></body></html>
"""


def write_page(title: str, tables: Sequence[tuple[str, pa.Table]], path: Path) -> None:
    """Write tables with their headings as one page.

    An address becomes a link, bytes become a player of that sound file, numbers stand right, nulls are empty.
    """
    parts = [f"<h2>{escape(heading)}</h2>\n{_table(table)}" for heading, table in tables]
    write_text(_PAGE.format(title=escape(title), tables="\n".join(parts)), path)


def _table(table: pa.Table) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in table.column_names)
    columns = [column.to_pylist() for column in table.columns]
    rows = ["<tr>" + "".join(map(_cell, row)) + "</tr>" for row in zip(*columns, strict=True)]
    return f"<table><thead><tr>{head}</tr></thead><tbody>\n" + "\n".join(rows) + "\n</tbody></table>"


def _kind(sound: bytes) -> str:
    return {b"fLaC": "flac", b"RIFF": "wav"}.get(sound[:4], "mpeg")


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return f"<td>{'yes' if value else 'no'}</td>"
    if isinstance(value, int):
        return f'<td class="number">{value:,}</td>'
    if isinstance(value, float):
        return f'<td class="number">{value:g}</td>'
    if isinstance(value, bytes):
        sound = b64encode(value).decode()
        return f'<td><audio controls preload="none" src="data:audio/{_kind(value)};base64,{sound}"></audio></td>'
    text = "" if value is None else escape(str(value))
    return f'<td><a href="{text}">{text}</a></td>' if text.startswith("https://") else f"<td>{text}</td>"
