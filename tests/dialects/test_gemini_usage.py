"""Token counts and finish reasons of Gemini."""

import pytest

from app.dialects.gemini_usage import merge_counts, parse_usage, read_finish, write_finish, write_usage
from app.domain.hub_reply import Finish
from app.domain.usage import NO_USAGE, Usage


def test_thoughts_add_to_the_output_and_cached_tokens_are_part_of_the_input() -> None:
    sent = {
        "promptTokenCount": 20,
        "cachedContentTokenCount": 15,
        "candidatesTokenCount": 3,
        "thoughtsTokenCount": 4,
        "toolUsePromptTokenCount": 100,
        "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 7}],
    }
    usage = parse_usage(sent)
    assert (usage.fresh_input, usage.cache_read, usage.input) == (105, 15, 120)
    assert (usage.output, usage.reasoning, usage.audio) == (7, 4, 7)


@pytest.mark.parametrize("sent", [None, [], {}, {"promptTokenCount": "x"}, {"promptTokenCount": -1}])
def test_nonsense_is_unknown(sent: object) -> None:
    assert parse_usage(sent) is NO_USAGE


def test_what_is_unknown_is_left_out() -> None:
    assert write_usage(NO_USAGE) == {}
    assert write_usage(Usage(fresh_input=3)) == {"promptTokenCount": 3}


def test_finishes() -> None:
    assert read_finish("STOP", called=True) is Finish.TOOL_CALLS
    assert read_finish("MAX_TOKENS", called=False) is Finish.LENGTH
    assert read_finish("NEW_ONE", called=False) is Finish.STOP
    assert [write_finish(finish) for finish in (Finish.TOOL_CALLS, Finish.LENGTH, Finish.REFUSAL)] == [
        "STOP",
        "MAX_TOKENS",
        "SAFETY",
    ]


def test_counts_of_a_stream_are_the_largest_and_cached_tokens_may_come_late() -> None:
    counts = merge_counts({}, {"promptTokenCount": 20, "thoughtsTokenCount": 4, "promptTokensDetails": []})
    counts = merge_counts(merge_counts(counts, None), {"promptTokenCount": 20, "cachedContentTokenCount": 15})
    counts = merge_counts(counts, {"thoughtsTokenCount": 1, "candidatesTokenCount": 3})
    usage = parse_usage(counts)
    assert (usage.fresh_input, usage.cache_read, usage.output) == (5, 15, 7)


def test_pictures_in_the_answer_are_told_apart() -> None:
    one = [{"modality": "IMAGE", "tokenCount": 258}, {"modality": "TEXT", "tokenCount": 4}]
    two = [{"modality": "IMAGE", "tokenCount": 1290}]
    told = {"promptTokenCount": 262, "candidatesTokenCount": 1290, "promptTokensDetails": one}
    usage = parse_usage(told | {"candidatesTokensDetails": two})
    assert (usage.images, usage.images_written) == (1548, 1290)
