"""Gemini's parts, in both spellings."""

from app.dialects.gemini_parts import camel, raw_reply_args, read_media
from app.domain.hub import Audio, Document, Image, Opaque


def test_both_spellings_are_one() -> None:
    assert camel({"inline_data": {"mime_type": 1}, "fileUri": 2}) == {"inlineData": {"mime_type": 1}, "fileUri": 2}


def test_files_by_their_kind() -> None:
    def read(kind: str, **more: str) -> object:
        return read_media({"inlineData": {"mimeType": kind, "data": "-_A", **more}}, "")

    assert read("image/png") == Image(data="+/A", media_type="image/png")
    assert read("audio/mpeg") == Audio("+/A", "mp3")
    assert read("application/pdf") == Document(data="+/A", media_type="application/pdf")
    assert isinstance(read("video/mp4"), Opaque)
    by_address = read_media({"file_data": 1, "fileData": {"file_uri": "https://x/y.png", "mime_type": "image/png"}}, "")
    assert isinstance(by_address, Opaque)
    uri = {"fileData": {"file_uri": "https://x/y.png", "mime_type": "image/png"}}
    assert read_media(uri, "") == Image("https://x/y.png", media_type="image/png")


def test_arguments_without_calls_cost_nothing() -> None:
    assert raw_reply_args(b'{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}') == []
    assert raw_reply_args(b'{"functionCall": broken') == [] == raw_reply_args(b'{"candidates":5,"functionCall":1}')
    assert raw_reply_args(b'{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f"}}]}}]}') == [[""]]
