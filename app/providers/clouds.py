"""The rows of the catalog for the big clouds, where other vendors' models are at home under the cloud's own login."""

from app.dialects.openai_chat_quirks import Quirks
from app.domain.chat import Operation
from app.providers.spec import ANTHROPIC, GEMINI, OPENAI, TEXT, Auth, ProviderSpec

_GPT = Quirks(limit="max_completion_tokens", developer=True)
_CHAT = frozenset({Operation.CHAT})
_MEDIA = frozenset({Operation.IMAGES, Operation.IMAGE_EDITS, Operation.SPEECH, Operation.TRANSCRIPTIONS})
_DEPLOYMENTS = "deployments?api-version=2023-03-15-preview"  # the only version that lists them with a key
_VERTEX = "https://us-central1-aiplatform.googleapis.com/v1/projects/PROJECT/locations/us-central1"
_VERTEX_SAYS = "PROJECT is the id of your Google Cloud project; the region stands there twice."
_PUBLISHERS = "/../../../../../v1beta1/publishers"  # beside /v1/projects/PROJECT/locations/REGION
_BEDROCK_SAYS = "REGION is the one of your account, such as us-east-1."

CLOUDS: tuple[ProviderSpec, ...] = (
    ProviderSpec(
        "azure",
        "Azure OpenAI",
        OPENAI,
        "",
        Auth.API_KEY_HEADER,
        models_path=f"/../{_DEPLOYMENTS}",
        docs="https://learn.microsoft.com/azure/ai-foundry/openai/latest",
        key_url="https://ai.azure.com",
        operations=TEXT | _MEDIA | {Operation.RESPONSES},
        cousin=_GPT,
        address="https://RESOURCE.openai.azure.com/openai/v1",
        about="RESOURCE is the name of your Azure OpenAI or Foundry resource; models go by their deployment's name.",
    ),
    ProviderSpec(
        "azure-deployments",
        "Azure OpenAI (api-version)",
        OPENAI,
        "",
        Auth.API_KEY_HEADER,
        models_path=f"/{_DEPLOYMENTS}",
        docs="https://learn.microsoft.com/azure/ai-foundry/openai/reference",
        key_url="https://portal.azure.com",
        operations=TEXT | _MEDIA,
        cousin=_GPT,
        paths=(("*", "/deployments/{model}{path}?api-version={api_version}"),),
        api_version="2024-10-21",
        address="https://RESOURCE.openai.azure.com/openai",
        about="RESOURCE is the name of your Azure OpenAI resource; models go by their deployment's name.",
    ),
    ProviderSpec(
        "azure-claude",
        "Claude in Microsoft Foundry",
        ANTHROPIC,
        "",
        Auth.X_API_KEY,
        models_path="/v1/models?limit=1000",
        docs="https://platform.claude.com/docs/en/build-with-claude/claude-in-microsoft-foundry",
        key_url="https://ai.azure.com",
        operations=_CHAT,
        headers=(("anthropic-version", "2023-06-01"),),
        address="https://RESOURCE.services.ai.azure.com/anthropic",
        about="RESOURCE is the name of your Foundry resource; models go by their deployment's name.",
    ),
    ProviderSpec(
        "bedrock",
        "Amazon Bedrock",
        OPENAI,
        "",
        Auth.AWS,
        lists_models=False,  # the list is at another host
        static_models=("openai.gpt-oss-120b-1:0", "openai.gpt-oss-20b-1:0"),
        docs="https://docs.aws.amazon.com/bedrock/latest/userguide/inference-chat-completions.html",
        key_url="https://console.aws.amazon.com/bedrock",
        operations=_CHAT,
        address="https://bedrock-runtime.REGION.amazonaws.com/openai/v1",
        about=_BEDROCK_SAYS,
    ),
    ProviderSpec(
        "bedrock-mantle",
        "Amazon Bedrock (Mantle)",
        OPENAI,
        "",
        Auth.AWS,
        docs="https://docs.aws.amazon.com/bedrock/latest/userguide/bedrock-mantle.html",
        key_url="https://console.aws.amazon.com/bedrock",
        operations=_CHAT,
        address="https://bedrock-mantle.REGION.api.aws/v1",
        about=_BEDROCK_SAYS,
    ),
    ProviderSpec(
        "bedrock-claude",
        "Claude on Amazon Bedrock",
        ANTHROPIC,
        "",
        Auth.AWS,
        lists_models=False,
        static_models=(
            "global.anthropic.claude-opus-4-6-v1",
            "global.anthropic.claude-sonnet-4-6",
            "global.anthropic.claude-opus-4-5-20251101-v1:0",
            "global.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "global.anthropic.claude-haiku-4-5-20251001-v1:0",
        ),
        docs="https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html",
        key_url="https://console.aws.amazon.com/bedrock",
        operations=_CHAT,
        quirks="bedrock_claude",
        paths=(
            ("chat", "/model/{model}/invoke"),
            ("chat:stream", "/model/{model}/invoke-with-response-stream"),
            ("count", "/model/{model}/count-tokens"),
        ),
        address="https://bedrock-runtime.REGION.amazonaws.com",
        about=_BEDROCK_SAYS,
    ),
    ProviderSpec(
        "vertex",
        "Vertex AI (Gemini)",
        GEMINI,
        "",
        Auth.GOOGLE,
        models_path=f"{_PUBLISHERS}/google/models?pageSize=1000",
        docs="https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference",
        key_url="https://console.cloud.google.com/iam-admin/serviceaccounts",
        operations=_CHAT,
        paths=(
            ("chat", "/publishers/google/models/{model}:generateContent"),
            ("chat:stream", "/publishers/google/models/{model}:streamGenerateContent?alt=sse"),
            ("count", "/publishers/google/models/{model}:countTokens"),
        ),
        address=_VERTEX,
        about=_VERTEX_SAYS,
    ),
    ProviderSpec(
        "vertex-claude",
        "Claude on Vertex AI",
        ANTHROPIC,
        "",
        Auth.GOOGLE,
        models_path=f"{_PUBLISHERS}/anthropic/models?pageSize=1000",
        docs="https://cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/use-claude",
        key_url="https://console.cloud.google.com/iam-admin/serviceaccounts",
        operations=_CHAT,
        quirks="vertex_claude",
        paths=(
            ("chat", "/publishers/anthropic/models/{model}:rawPredict"),
            ("chat:stream", "/publishers/anthropic/models/{model}:streamRawPredict"),
            ("count", "/publishers/anthropic/models/count-tokens:rawPredict"),
        ),
        address=_VERTEX,
        about=_VERTEX_SAYS,
    ),
)
