"""Coding agents as they are installed, each in a home of its own: how they are started, and led through their tasks."""

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from clients.rig import BEHIND, Row, Stage, execute
from contract.program import TOKEN

QUIET = {
    "CI": "1",
    "NO_COLOR": "1",
    "TERM": "dumb",
    "DO_NOT_TRACK": "1",
    "NO_UPDATE_NOTIFIER": "1",
    "DISABLE_AUTOUPDATER": "1",
}
"""What keeps them from asking the network for anything else."""


@dataclass(frozen=True)
class Task:
    """What an agent is to do: `base_url` has /v1."""

    base_url: str
    token: str
    model: str
    prompt: str
    home: Path

    @property
    def root(self) -> str:
        """The address without /v1."""
        return self.base_url.removesuffix("/v1")


@dataclass(frozen=True)
class Started:
    """How it is started: arguments behind its name, and environment."""

    arguments: tuple[str, ...]
    environ: Mapping[str, str]


@dataclass(frozen=True)
class Agent:
    """A coding agent: the name of its program, how to start it, and the call that has it run a command."""

    program: str
    start: Callable[[Task], Started]
    call: str

    def running(self, command: str) -> str:
        """The prompt that makes the scripted model have `command` run."""
        return self.call.replace("COMMAND", command)


def _codex(task: Task) -> Started:
    home = task.home / ".codex"
    home.mkdir(exist_ok=True)
    lines = (
        f'model = "{task.model}"',
        'model_provider = "switchtower"',
        "check_for_update_on_startup = false",
        "[analytics]\nenabled = false",
        "[model_providers.switchtower]",
        'name = "Switchtower"',
        f'base_url = "{task.base_url}"',
        'env_key = "SWITCHTOWER_KEY"',
        'wire_api = "responses"',
        "request_max_retries = 0\nstream_max_retries = 0",
    )
    (home / "config.toml").write_text("\n".join(lines))
    arguments = ("exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", task.prompt)
    return Started(arguments, {"CODEX_HOME": str(home), "SWITCHTOWER_KEY": task.token})


def _claude(task: Task) -> Started:
    environ = {
        "ANTHROPIC_BASE_URL": task.root,
        "ANTHROPIC_AUTH_TOKEN": task.token,
        "ANTHROPIC_MODEL": task.model,
        "ANTHROPIC_SMALL_FAST_MODEL": task.model,
        "ANTHROPIC_DEFAULT_HAIKU_MODEL": task.model,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_TELEMETRY": "1",
        "CLAUDE_CODE_MAX_RETRIES": "0",
    }
    return Started(("-p", task.prompt, "--allowedTools", "Bash"), environ)


def _gemini(task: Task) -> Started:
    (task.home / ".gemini").mkdir(exist_ok=True)
    settings = {
        "privacy": {"usageStatisticsEnabled": False},
        "general": {"disableAutoUpdate": True, "enableAutoUpdate": False},
        "security": {"auth": {"selectedType": "gemini-api-key"}, "folderTrust": {"enabled": False}},
        "telemetry": {"enabled": False},
    }
    (task.home / ".gemini" / "settings.json").write_text(json.dumps(settings))
    environ = {"GEMINI_API_KEY": task.token, "GOOGLE_GEMINI_BASE_URL": task.root, "GEMINI_CLI_TRUST_WORKSPACE": "true"}
    return Started(("-p", task.prompt, "-m", task.model, "--approval-mode", "yolo"), environ)


def _qwen(task: Task) -> Started:
    (task.home / ".qwen").mkdir(exist_ok=True)
    settings = {"privacy": {"usageStatisticsEnabled": False}, "telemetry": {"enabled": False}}
    (task.home / ".qwen" / "settings.json").write_text(json.dumps(settings))
    environ = {"OPENAI_API_KEY": task.token, "OPENAI_BASE_URL": task.base_url, "OPENAI_MODEL": task.model}
    return Started(("-p", task.prompt, "--auth-type", "openai", "--approval-mode", "yolo"), environ)


def _opencode(task: Task) -> Started:
    models = {task.model: {"name": "m", "tool_call": True, "limit": {"context": 100_000, "output": 4000}}}
    options = {"baseURL": task.base_url, "apiKey": task.token}
    row = {"npm": "@ai-sdk/openai-compatible", "name": "Switchtower", "options": options, "models": models}
    config = {
        "autoupdate": False,
        "share": "disabled",
        "model": f"switchtower/{task.model}",
        "small_model": f"switchtower/{task.model}",
        "provider": {"switchtower": row},
        "permission": {"bash": "allow"},
    }
    (task.home / "opencode.json").write_text(json.dumps(config))
    environ = {"OPENCODE_CONFIG": str(task.home / "opencode.json"), "OPENCODE_DISABLE_MODELS_FETCH": "1"}
    return Started(("run", "-m", f"switchtower/{task.model}", task.prompt), environ)


def _aider(task: Task) -> Started:
    arguments = (
        *("--model", f"openai/{task.model}", "--message", task.prompt, "--no-git", "--yes-always"),
        *("--no-check-update", "--analytics-disable", "--no-show-model-warnings", "--no-show-release-notes"),
        *("--no-pretty", "--no-detect-urls", "--map-tokens", "0"),
    )
    environ = {"OPENAI_API_BASE": task.base_url, "OPENAI_API_KEY": task.token, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    return Started(arguments, environ)


AGENTS = {
    "codex": Agent("codex", _codex, '[call exec_command {"cmd":"COMMAND"}]'),
    "claude": Agent("claude", _claude, '[call Bash {"command":"COMMAND","description":"Runs it."}]'),
    "gemini": Agent("gemini", _gemini, '[call run_shell_command {"command":"COMMAND"}]'),
    "qwen": Agent("qwen", _qwen, '[call run_shell_command {"command":"COMMAND","is_background":false}]'),
    "opencode": Agent("opencode", _opencode, '[call bash {"command":"COMMAND","description":"Runs it."}]'),
    "aider": Agent("aider", _aider, ""),
}


_LIMIT_S = 300.0
_MOST_REQUESTS = 12
"""An agent that asks more often for one failing prompt repeats it without end."""


async def lead(stage: Stage, name: str) -> list[Row]:
    """Lead an agent through its tasks with every provider; what must fail is tried with the first only."""
    rows = []
    for at, behind in enumerate(BEHIND):
        for label, task in _TASKS.items():
            if (AGENTS[name].call or label != "runs a command") and (not at or label not in _FAILING):
                rows.append(Row(behind.target.id, f"{name} {label}", await task(stage, AGENTS[name], behind.target.id)))
    return rows


async def _run(stage: Stage, agent: Agent, provider: str, prompt: str) -> tuple[int, str, bool, int]:
    """Status, all output, whether the file was made, and how often the provider was asked."""
    base, _, how = provider.partition("-")
    behind = next(each for each in BEHIND if each.target.id == base)
    model = behind.target.failing(how) if how else behind.target.model
    before = len(stage.upstreams[base].posts)
    with tempfile.TemporaryDirectory() as home:
        work = Path(home) / "work"
        work.mkdir()
        started = agent.start(Task(stage.base_url, TOKEN, model, prompt, Path(home)))
        environ = QUIET | {"HOME": home} | dict(started.environ)
        status, out, err = await execute((agent.program, *started.arguments), environ, work, _LIMIT_S)
        made = (work / "made.txt").exists()
    return status, f"{out}\n{err}", made, len(stage.upstreams[base].posts) - before


async def _answers(stage: Stage, agent: Agent, provider: str) -> str:
    status, out, _, _ = await _run(stage, agent, provider, "hello")
    return "" if status == 0 and "You said: " in out else f"status {status}: {out[-500:]}"


async def _commands(stage: Stage, agent: Agent, provider: str) -> str:
    status, out, made, _ = await _run(stage, agent, provider, agent.running("echo one-two-three | tee made.txt"))
    told = "Results: " in out and "one-two-three" in out
    return "" if status == 0 and made and told else f"status {status}, made {made}: {out[-500:]}"


async def _refused(stage: Stage, agent: Agent, provider: str) -> str:
    _, out, _, asked = await _run(stage, agent, f"{provider}-400", "[status 400]")
    return "" if "asked for status 400" in out and asked <= _MOST_REQUESTS else f"asked {asked} times: {out[-500:]}"


async def _breaks(stage: Stage, agent: Agent, provider: str) -> str:
    _, out, _, asked = await _run(stage, agent, f"{provider}-break", "[break]")
    told = "broke" in out or "rror" in out or asked > 1  # or it tried again
    return (
        "" if told and "killed after" not in out and asked <= _MOST_REQUESTS else f"asked {asked} times: {out[-500:]}"
    )


_TASKS = {
    "answers": _answers,
    "runs a command": _commands,
    "tells a refusal": _refused,
    "ends a broken stream": _breaks,
}
_FAILING = ("tells a refusal", "ends a broken stream")
