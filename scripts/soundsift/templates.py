"""Text made from template files with Jinja2. What is put into HTML is escaped."""

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
    """Fill a template.

    Parameters
    ----------
    module_file
        ``__file__`` of the calling module: the template is in the folder ``templates`` beside it.
    name
        File name of the template. Values are escaped in ``.html`` files; :class:`markupsafe.Markup` is not.
    values
        What the template names.
    """
    return _environment(Path(module_file).resolve().parent / "templates").get_template(name).render(**values)
