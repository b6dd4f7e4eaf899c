"""Pages for the report: one look, each one HTML file that needs nothing else, to be used by eye, ear or keyboard."""

import re
from base64 import b64encode
from collections.abc import Sequence
from html import escape
from pathlib import Path

import pyarrow as pa

from soundsift.files import write_text

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>
body {{ font: 15px/1.4 sans-serif; margin: 1.5em; color: #222; }}
h1 {{ font-size: 1.4em; margin: 0 0 .5em; }} h2, h3 {{ font-size: 1.15em; margin: 0 0 .3em; }}
table {{ border-collapse: collapse; margin: .5em 0 2em; }}
th {{ text-align: left; border-bottom: 2px solid #0072B2; position: sticky; top: 0; background: white; }}
th, td {{ padding: .25em .8em; vertical-align: top; }}
tr {{ break-inside: avoid; }}
tr:nth-child(even) td {{ background: #f4f6f8; }}
td.long {{ overflow-wrap: anywhere; min-width: 16em; }}
td.number {{ text-align: right; font-variant-numeric: tabular-nums; }}
a {{ color: #0063a0; }}
input {{ font: inherit; padding: .2em .5em; width: 20em; }}
pre {{ background: #f4f6f8; padding: .8em; overflow-x: auto; }}
img {{ max-width: 100%; height: auto; display: block; }}
audio {{ vertical-align: middle; }}
.beside {{ display: grid; gap: 1.5em; grid-template-columns: repeat(auto-fit, minmax(min(26em, 100%), 1fr)); }}
section {{ margin-bottom: 1.5em; }}
figure {{ margin: 0; max-width: 48em; break-inside: avoid; }} figure audio {{ width: 100%; }}
.stage {{ position: relative; cursor: crosshair; }} .stage img {{ width: 100%; }}
.cursor {{ position: absolute; top: 0; bottom: 0; width: 2px; background: #D55E00; pointer-events: none; }}
:focus-visible {{ outline: 3px solid #0072B2; outline-offset: 2px; }}
@media (max-width: 700px) {{ table {{ display: block; overflow-x: auto; }} }}
@media print {{ .search, audio, .cursor {{ display: none; }} th {{ position: static; }} body {{ margin: 0; }} }}
</style></head><body><main>
<h1>{title}</h1>
{parts}
</main><script>
const search = document.querySelector("input");
if (search) search.addEventListener("input", () => {{
  const wanted = search.value.toLowerCase(), rows = [...document.querySelectorAll("tbody tr")];
  for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
  document.querySelector("[role=status]").textContent =
    wanted ? `${{rows.filter(row => !row.hidden).length}} of ${{rows.length}} rows` : "";
}});
document.addEventListener("play", event => {{
  for (const sound of document.querySelectorAll("audio")) if (sound !== event.target) sound.pause();
}}, true);
for (const sound of document.querySelectorAll("audio")) sound.addEventListener("error", () => {{
  if (!sound.nextElementSibling) sound.insertAdjacentHTML("afterend", "<p>This browser cannot play the file.</p>");
}});
for (const stage of document.querySelectorAll(".stage")) {{
  const sound = stage.parentElement.querySelector("audio"), cursor = stage.querySelector(".cursor");
  const [seconds, left, right] = ["seconds", "left", "right"].map(name => Number(stage.dataset[name]));
  const show = () => {{
    const at = Math.min(sound.currentTime, seconds);
    cursor.style.left = `${{100 * (left + (right - left) * at / seconds)}}%`;
    cursor.setAttribute("aria-valuenow", at.toFixed(1));
    cursor.setAttribute("aria-valuetext", `${{at.toFixed(1)}} seconds`);
  }};
  const follow = () => {{ show(); if (!sound.paused) requestAnimationFrame(follow); }};
  const seek = at => {{ sound.currentTime = Math.max(0, Math.min(seconds, at)); show(); }};
  sound.addEventListener("play", follow);
  sound.addEventListener("seeked", show);
  stage.addEventListener("click", event => {{
    const box = stage.getBoundingClientRect();
    seek(seconds * ((event.clientX - box.left) / box.width - left) / (right - left));
    cursor.focus();
  }});
  const keys = {{
    ArrowLeft: () => seek(sound.currentTime - 0.5), ArrowRight: () => seek(sound.currentTime + 0.5),
    Home: () => seek(0), End: () => seek(seconds), " ": () => sound.paused ? sound.play() : sound.pause(),
  }};
  cursor.addEventListener("keydown", event => {{
    if (event.key in keys) {{ event.preventDefault(); keys[event.key](); }}
  }});
  show();
}}
</script></body></html>
"""
_SEARCH = (
    '<p class="search"><label>Search the rows: <input type="search" placeholder="words or numbers"></label> '
    '<span role="status"></span></p>'
)


def write_page(title: str, parts: Sequence[tuple[str, pa.Table | str]], path: Path) -> None:
    """Write parts with their headings as one page: tables, whose rows can then be searched, and ready markup.

    In a table an address becomes a link, bytes a player of that sound file named by the row's first cell, numbers stand
    right and nulls are empty.
    """
    made = [_SEARCH] if any(isinstance(part, pa.Table) for _, part in parts) else []
    for heading, part in parts:
        body = part if isinstance(part, str) else _table(part)
        made.append(f"<section>\n<h2>{escape(heading)}</h2>\n{body}\n</section>")
    write_text(_PAGE.format(title=escape(title), parts="\n".join(made)), path)


def picture(svg: str, address: str = "") -> str:
    """An SVG figure as an image whose alternative text is what the figure says of itself.

    It stands in the page, or at an address as seen from there.
    """
    said = [match[1] for tag in ("title", "desc") if (match := re.search(f"<{tag}>(.*?)</{tag}>", svg, re.DOTALL))]
    alternative = ". ".join(said).replace('"', "&quot;")
    source = escape(address) or f"data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}"
    return f'<img alt="{alternative}" src="{source}">'


def stage(name: str, svg: str, span: tuple[float, float], sound: bytes | str, seconds: float, address: str = "") -> str:
    """A figure over time with its sound: a line follows the player, a click or the arrow keys move it.

    Parameters
    ----------
    span
        Where time begins and ends in the figure, as shares of its width.
    sound
        The sound file itself, or its address as seen from the page.
    seconds
        Length of the sound.
    address
        Of the figure, where it does not stand in the page.
    """
    name = escape(name)
    values = f'aria-valuemin="0" aria-valuemax="{seconds:.1f}" aria-valuenow="0" aria-label="position in {name}"'
    data = f'data-seconds="{seconds}" data-left="{span[0]}" data-right="{span[1]}"'
    preload = "metadata" if isinstance(sound, str) else "auto"
    # the line alone is the slider: what stands inside of one is not read to those who do not see it
    line = f'<div class="cursor" role="slider" tabindex="0" {values}></div>'
    drawn = f'<div class="stage" {data}>{picture(svg, address)}{line}</div>'
    return f"<figure>{drawn}{_player(sound, name, preload)}</figure>"


def _player(sound: bytes | str, name: str, preload: str = "none") -> str:
    if isinstance(sound, str):
        source = escape(sound)
    else:
        kind = {b"fLaC": "flac", b"RIFF": "wav"}.get(sound[:4], "mpeg")
        source = f"data:audio/{kind};base64,{b64encode(sound).decode()}"
    return f'<audio controls preload="{preload}" aria-label="sound of {name}" src="{source}"></audio>'


def _table(table: pa.Table) -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in table.column_names)
    columns = [column.to_pylist() for column in table.columns]
    rows = ["<tr>" + "".join(_cell(cell, row[0]) for cell in row) + "</tr>" for row in zip(*columns, strict=True)]
    return f"<table><thead><tr>{head}</tr></thead><tbody>\n" + "\n".join(rows) + "\n</tbody></table>"


def _cell(value: object, row: object) -> str:
    if isinstance(value, bool):
        return f"<td>{'yes' if value else 'no'}</td>"
    if isinstance(value, int):
        return f'<td class="number">{value:,}</td>'
    if isinstance(value, float):
        return f'<td class="number">{value:g}</td>'
    if isinstance(value, bytes):
        return f"<td>{_player(value, escape(str(row)))}</td>"
    text = "" if value is None else escape(str(value))
    if text.startswith("https://"):
        return f'<td><a href="{text}">{text}</a></td>'
    return f'<td class="long">{text}</td>' if max(map(len, text.split()), default=0) > 40 else f"<td>{text}</td>"
