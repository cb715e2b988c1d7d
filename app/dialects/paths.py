"""Fill in the templates of paths: some providers have the model's name in the path instead of the body."""

import re
from urllib.parse import quote

from app.dialects import fields

_KEPT = "-._~@"
_ELSEWHERE = re.compile(r"^$|(?:^|[/\\])\.+(?:$|[/\\])")
"""A name with a step to another path in it: some servers undo the quoting before they look."""


def fill(template: str, model: str, own: str = "") -> str:
    """Return the path: `{model}` becomes the model's name, quoted, `{path}` the path that the dialect has by itself.

    Raises:
        FaultError: INVALID_REQUEST, for a name that would lead to another path.
    """
    if "{" not in template:
        return template
    bare = model.removeprefix("models/")
    name = quote(bare, safe=_KEPT)
    if _ELSEWHERE.search(bare):
        fields.refuse("`model` is not the name of a model.", "See GET /v1/models for the names there are.", "model")
    return template.replace("{path}", own).replace("{model}", name)
