"""Rendering of Jinja2 template files. Values are escaped in HTML templates."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import jinja2


@cache
def _environment(folder: Path) -> "jinja2.Environment":
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=jinja2.select_autoescape(["html"]),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(module_file: str, name: str, **values: Any) -> str:
    """Render a template.

    Parameters
    ----------
    module_file
        ``__file__`` of the calling module. The template is in the folder ``templates`` beside that module.
    name
        File name of the template, as a plain string: the digest of a step finds templates by such strings. Values are
        escaped in ``.html`` files, except for :class:`markupsafe.Markup`.
    values
        Variables of the template. A variable that is missing raises :class:`jinja2.UndefinedError`.
    """
    return _environment(Path(module_file).resolve().parent / "templates").get_template(name).render(**values)
