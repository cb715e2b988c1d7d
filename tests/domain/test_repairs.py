import pytest

from app.domain.faults import Fault, FaultKind
from app.domain.repairs import OPTIONAL, RENAMED, Repair, find_repair

UNSUPPORTED = FaultKind.UNSUPPORTED_PARAMETER
SENT = {"model", "messages", "temperature", "max_tokens", "stream_options", "tools"}


@pytest.mark.parametrize(
    ("fault", "repair"),
    [
        (Fault(UNSUPPORTED, "x", param="temperature"), Repair("temperature")),
        (Fault(UNSUPPORTED, "x", param="body.stream_options.include_usage"), Repair("stream_options")),
        (Fault(UNSUPPORTED, "'temperature' does not support 0.7 with this model."), Repair("temperature")),
        (
            Fault(UNSUPPORTED, "'max_tokens' is not supported. Use 'max_completion_tokens' instead."),
            Repair("max_tokens", "max_completion_tokens"),
        ),
        (Fault(UNSUPPORTED, "x", param="tools"), None),
        (Fault(UNSUPPORTED, "x", param="top_p"), None),
        (Fault(UNSUPPORTED, "Something is not supported."), None),
        (Fault(FaultKind.BAD_REQUEST, "Unknown field stream_options"), Repair("stream_options")),
        (Fault(FaultKind.BAD_REQUEST, "temperature must be below 2"), None),
        (Fault(FaultKind.CONTEXT_LENGTH, "x", param="max_tokens"), None),
    ],
)
def test_only_what_is_optional_and_was_sent_is_repaired(fault: Fault, repair: Repair | None) -> None:
    assert find_repair(fault, SENT) == repair


def test_what_a_request_is_about_is_never_left_out() -> None:
    assert not OPTIONAL & {
        "model",
        "messages",
        "prompt",
        "input",
        "tools",
        "tool_choice",
        "response_format",
        "n",
        "stop",
    }
    assert all(RENAMED[other] == name for name, other in RENAMED.items())


def test_a_parameter_sent_under_both_names_is_left_alone() -> None:
    both = {*SENT, "max_completion_tokens"}
    assert find_repair(Fault(UNSUPPORTED, "x", param="max_tokens"), both) is None
