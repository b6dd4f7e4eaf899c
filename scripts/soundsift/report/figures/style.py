"""Style of all figures: SVG, with a description in words.

The colours can be told apart with colour blindness (Okabe and Ito 2008). Every axis has a unit.
"""

import io
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib
import matplotlib.pyplot as plt

from soundsift.files import write_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

matplotlib.use("Agg")

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#8c8c8c"

plt.rcParams |= {
    "figure.constrained_layout.use": True, "axes.spines.top": False, "axes.spines.right": False, "font.size": 11,
    "axes.titlesize": 12, "text.parse_math": False, "axes.titlelocation": "left", "legend.frameon": False,
    # The same figure gives the same bytes, and text is stored as text.
    "svg.hashsalt": "soundsift", "svg.fonttype": "none", "font.family": "sans-serif",
}  # fmt: skip


def svg(figure: "Figure", description: str) -> str:
    """Render a figure as SVG and close it; screen readers read its title and ``description``."""
    drawn = io.StringIO()
    title = figure.get_suptitle() or figure.axes[0].get_title(loc="left")
    figure.savefig(drawn, format="svg", metadata={"Date": None, "Title": title})
    plt.close(figure)
    described = drawn.getvalue().replace("<svg ", '<svg role="img" ', 1)
    return described.replace("</title>", f"</title>\n <desc>{escape(description)}</desc>", 1)


def save(figure: "Figure", path: Path, description: str) -> None:
    """Write a figure as an SVG file and close it."""
    write_text(svg(figure, description), path)
