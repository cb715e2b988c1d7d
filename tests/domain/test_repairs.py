import pytest

from app.domain.faults import Fault, FaultKind
from app.domain.repairs import OPTIONAL, RENAMED, Mend, Repair, find_repair

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
            Repair("max_tokens", "max_completion_tokens", Mend.RENAME),
        ),
        (Fault(UNSUPPORTED, "Model grok-4 does not support parameter streamOptions."), Repair("stream_options")),
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


def test_a_value_that_is_too_long_is_left_out_of_this_request_alone() -> None:
    told = "Invalid 'user': string too long. Expected a string with maximum length 64."
    repair = find_repair(Fault(UNSUPPORTED, told, param="user", provider_code="string_above_max_length"), {"user"})
    assert repair == Repair("user", once=True)
    assert not repair.lasts
    assert Repair("user").lasts


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


def clamp(param: str, low: float | None, high: float | None) -> Repair:
    return Repair(param, mend=Mend.CLAMP, low=low, high=high)


@pytest.mark.parametrize(
    ("message", "repair"),
    [
        ("temperature: range: 0..1", clamp("temperature", 0, 1)),
        (
            "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 2.5 instead.",
            clamp("temperature", None, 2),
        ),
        ("temperature: Input should be less than or equal to 1.5", clamp("temperature", None, 1.5)),
        ("`temperature` must be between 0.0 and 1.0", clamp("temperature", 0, 1)),
        ("temperature must be in [0, 1]", clamp("temperature", 0, 1)),
        ("top_p: Input should be greater than or equal to 0.01", clamp("top_p", 0.01, None)),
        ("`temperature` may only be set to 1 when thinking is enabled.", Repair("temperature")),
        ("temperature must be below 2", None),
        ("The room's temperature", None),
    ],
)
def test_a_number_goes_into_the_range_that_the_message_tells(message: str, repair: Repair | None) -> None:
    assert find_repair(Fault(FaultKind.BAD_REQUEST, message), {*SENT, "top_p"}) == repair


@pytest.mark.parametrize(
    ("message", "mend"),
    [
        ("messages: text content blocks must be non-empty", Mend.EMPTY_TEXTS),
        ("messages: text content blocks must contain non-whitespace text", Mend.EMPTY_TEXTS),
        ("messages.0: user messages must have non-empty content", Mend.EMPTY_TEXTS),
        ("The text field in the ContentBlock object at messages.0.content.0 is blank.", Mend.EMPTY_TEXTS),
        ("messages.1.content.0: Invalid `signature` in `thinking` block", Mend.THOUGHTS),
        ("messages.1.content.0.thinking.signature: Field required", Mend.THOUGHTS),
        ("Corrupted thought signature.", Mend.THOUGHTS),
        ("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024", Mend.BUDGET),
        ("`max_tokens` must be greater than `thinking.budget_tokens`.", Mend.BUDGET),
    ],
)
def test_what_is_in_a_conversation_is_repaired(message: str, mend: Mend) -> None:
    repair = find_repair(Fault(FaultKind.BAD_REQUEST, message), SENT)
    assert repair is not None
    assert repair.mend is mend
    assert repair.lasts is (mend is not Mend.THOUGHTS)
    assert find_repair(Fault(FaultKind.BAD_REQUEST, message), {"input"}) is None
    assert find_repair(Fault(FaultKind.SERVER_ERROR, message), SENT) is None


@pytest.mark.parametrize("param", ["temperature", "top_p", "top_k"])
def test_sampling_that_newer_models_do_not_take_is_left_out(param: str) -> None:
    fault = Fault(UNSUPPORTED, f"Anthropic refused the request: `{param}` is deprecated for this model.")
    assert find_repair(fault, SENT | {param}) == Repair(param)


DISABLED = (
    '"thinking.type.disabled" is not supported for this model. '
    'Use "thinking.type.adaptive" and "output_config.effort" to control thinking behavior.'
)


@pytest.mark.parametrize(
    ("message", "param", "lasts"),
    [
        ('"llama3.1:8b" does not support thinking', "think", True),
        ('"llama3.1:8b" does not support thinking', "reasoning_effort", True),
        ('"llama3.1:8b" does not support thinking', "thinking", True),
        ('think value "medium" is not supported for this model', "think", False),
        ('think value "medium" is not supported for this model', "reasoning_effort", False),
        (DISABLED, "thinking", False),
    ],
)
def test_a_model_that_does_not_think_or_not_so_is_not_told_to(message: str, param: str, lasts: bool) -> None:
    assert find_repair(Fault(UNSUPPORTED, message), {*SENT, param}) == Repair(param, once=not lasts)
    assert find_repair(Fault(UNSUPPORTED, message), SENT) is None


def test_a_budget_is_not_forgotten_for_a_model_that_wants_effort() -> None:
    message = DISABLED.replace("disabled", "enabled")
    assert find_repair(Fault(UNSUPPORTED, message), {*SENT, "thinking", "output_config"}) is None


def test_a_repair_says_what_it_does() -> None:
    said = [
        Repair("seed").told,
        Repair("max_tokens", "max_completion_tokens", Mend.RENAME).told,
        clamp("temperature", 0, 1).told,
        Repair("thinking.budget_tokens", mend=Mend.BUDGET).told,
        Repair("messages.text", mend=Mend.EMPTY_TEXTS).told,
        Repair("messages.thinking", mend=Mend.THOUGHTS).told,
    ]
    assert said == [
        "without seed",
        "with max_tokens as max_completion_tokens",
        "with temperature within the provider's range",
        "with thinking.budget_tokens within its bounds",
        "without empty texts",
        "without earlier thoughts",
    ]


@pytest.mark.parametrize(
    "message",
    [
        "invalid beta flag",
        "The model returned the following errors: invalid beta flag",
        "Unexpected value(s) `a-2026-01-01` for the `anthropic-beta` header. Please consult our documentation.",
    ],
)
def test_beta_features_are_left_out_where_they_were_asked_for(message: str) -> None:
    fault = Fault(FaultKind.BAD_REQUEST, f"Claude on Amazon Bedrock refused the request: {message}")
    assert find_repair(fault, SENT | {"anthropic_beta"}) == Repair("anthropic_beta", mend=Mend.BETAS)
    assert find_repair(fault, SENT) is None
