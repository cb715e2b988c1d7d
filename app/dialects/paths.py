"""Fill in the templates of paths: some providers have the model's name in the path instead of the body."""

from urllib.parse import quote

_KEPT = "-._~@"


def fill(template: str, model: str, own: str = "") -> str:
    """Return the path: `{model}` becomes the model's name, quoted, `{path}` the path that the dialect has by itself."""
    if "{" not in template:
        return template
    name = quote(model.removeprefix("models/"), safe=_KEPT)
    return template.replace("{path}", own).replace("{model}", name)
