from app.domain.chat import Answer, ApiRequest, Operation, Reply


def test_an_answer_is_a_body_unless_it_streams() -> None:
    assert Answer(200, ()).stream is None
    assert Reply(b"{}").usage.input is None


def test_an_operation_is_a_word_for_the_log() -> None:
    assert f"{Operation.EMBEDDINGS}" == "embeddings"
    assert ApiRequest(Operation.CHAT, "m", stream=False, body=b"").wants_usage
