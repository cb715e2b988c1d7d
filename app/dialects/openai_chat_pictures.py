"""Pictures in answers of OpenAI chat, as OpenRouter spells them: `images` beside the words."""

from app.dialects.fields import Object
from app.domain.hub import Image


def read_pictures(said: Object) -> list[Image]:
    """Read the pictures of a message or of a delta."""
    found = said.get("images")
    return [image for item in found if (image := _picture(item)) is not None] if isinstance(found, list) else []


def _picture(item: object) -> Image | None:
    inner = item.get("image_url") if isinstance(item, dict) else None
    url = inner.get("url") if isinstance(inner, dict) else inner
    if not isinstance(url, str) or not url:
        return None
    media_type, data = split_data_url(url)
    return Image(data=data, media_type=media_type) if data else Image(url=url)


def write_picture(image: Image) -> Object:
    """Write a picture of an answer."""
    url = f"data:{image.media_type or 'image/png'};base64,{image.data}" if image.data else image.url
    return {"type": "image_url", "image_url": {"url": url}}


def split_data_url(url: str) -> tuple[str, str]:
    """Return media type and base64 data of a `data:` URL; two empty strings for any other."""
    head, comma, data = url.partition(",")
    if not comma or head[:5].lower() != "data:" or not head.endswith(";base64"):
        return "", ""
    return head[5:-7], data
