"""What every command says of itself, and to a wrong command line."""

import re
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import pytest

from pipeline.cli import main, registering
from pipeline.cli.app import PANELS
from pipeline.cli.registering import MODULES
from tests.cli.command_line import COMMAND, RULES, environment, tapewatch, write_configuration

COMMANDS = [
    ("demo",),
    ("detect",),
    ("doctor",),
    ("evidence",),
    ("report",),
    ("report", "monthly"),
    ("report", "submit"),
    ("report", "suspicious"),
    ("report", "weekly"),
    ("run",),
    ("setup",),
    ("setup", "elastic"),
    ("status",),
    ("dead",),
    ("dead", "list"),
    ("dead", "show"),
    ("dead", "replay"),
    ("rules",),
    ("rules", "check"),
]


def test_the_version_is_the_packages(tmp_path: Path) -> None:
    answer = tapewatch("--version", folder=tmp_path)

    assert answer.code == 0
    assert answer.out == f"tapewatch {version('tapewatch')}\n"


def test_the_help_names_every_command_with_a_sentence(tmp_path: Path) -> None:
    answer = tapewatch("--help", folder=tmp_path)

    assert answer.code == 0
    for name in {command[0] for command in COMMANDS}:
        line = next(line for line in answer.out.splitlines() if line.startswith(f"│ {name} "))
        assert len(line.strip("│ ").split()) > 2, line


def test_the_help_shows_commands_by_what_they_are_for(tmp_path: Path) -> None:
    lines = tapewatch("--help", folder=tmp_path).out.splitlines()
    shown = [line.strip("╭─╮│ ").split("  ")[0] for line in lines if line.startswith(("╭─", "│ "))]
    wanted = [one for panel, names in PANELS.items() for one in (panel, *names)]
    assert [one for one in shown if one in wanted] == wanted
    assert "Commands" not in shown


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help(tmp_path: Path, command: tuple[str, ...]) -> None:
    answer = tapewatch(*command, "--help", folder=tmp_path)

    assert answer.code == 0
    assert f"tapewatch {' '.join(command)}" in answer.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("frobnicate",), "No such command"),
        (("run", "--only", "collector"), "collectors"),
        (("run", "--onyl", "collectors"), "No such option"),
        (("dead", "show", "first"), "number"),
        (("dead", "list", "--most", "0"), "--most"),
        (("detect",), "--events"),
        (("rules", "check", "nowhere.yml"), "nowhere.yml"),
    ],
)
def test_a_wrong_command_line_is_told_with_exit_2(
    tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    answer = tapewatch(*arguments, folder=tmp_path)

    assert answer.code == 2
    assert said in answer.error
    assert answer.out == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("backtest", "--events", "e.ndjson", "--column", "x"), "--column belongs to files of"),
        (("detect", "--events", "e.ndjson", "--column", "x"), "--column belongs to files of"),
        (("backtest", "--events", "e.ndjson", "--html", "o", "--json", "o"), "name one file"),
        (("rules", "check", "--format", "sarif", "--json"), "say one"),
        (("rules", "explain", "e.ndjson:1", "--out", "out"), "--out belongs to an alert"),
        (("rules", "explain", "e.ndjson:1", "--events", "e.ndjson"), "--events belongs to an"),
        (("rules", "convert", "--to", "splunk", "--index", "x"), "--index belongs to --to elastic"),
    ],
)
def test_an_option_that_would_count_for_nothing_is_refused(
    tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    event = '{"@timestamp":"2026-11-23T10:00:00Z","event.action":"agent-added"}\n'
    (tmp_path / "e.ndjson").write_text(event)
    rules = RULES / "administration" / "agent_added.yml"
    answer = tapewatch(*arguments, "--rules", rules, folder=tmp_path)

    assert answer.code == 2
    assert said in answer.error
    assert answer.out == ""


def test_without_a_configuration_it_says_how_to_name_one(tmp_path: Path) -> None:
    for command in (("status",), ("run",), ("case", "list"), ("report", "weekly")):
        answer = tapewatch(*command, folder=tmp_path)
        assert (answer.code, answer.out) == (2, "")
        assert "pipeline.yaml: error: there is no such file" in answer.error
        assert "name yours by --config, or by TAPEWATCH_CONFIG in the environment" in answer.error


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("audit", "copy", "log", "--to", "s3://b/x", "--keep", "7"), "--keep 7: this number has"),
        (("audit", "copy", "log", "--to", "s3://b/x", "--keep", "7years"), "did you mean 7y?"),
        (("audit", "copy", "log", "--to", "s3://b/x", "--keep", "xy"), "expected years or days"),
        (("setup", "elastic-key", "writer", "--out", "k", "--expires", "90"), "add one: 90ms,"),
        (("setup", "elastic-key", "writer", "--out", "k", "--expires", "90days"), "mean 90d?"),
        (("setup", "elastic", "--username", "a", "--password", "hunter2hunter2"),
         "--password: a secret can't stand on the command line"),
    ],
)  # fmt: skip
def test_a_duration_or_a_secret_in_another_form_is_told(
    tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    sink = {"name": "el", "type": "elasticsearch", "urls": ["http://127.0.0.1:9"]}
    write_configuration(tmp_path, sinks=[sink])
    answer = tapewatch(*arguments, folder=tmp_path)
    assert (answer.code, said in answer.error) == (2, True), answer
    assert "hunter2" not in answer.error


def test_the_command_line_is_there_at_once_because_nothing_heavy_is_imported() -> None:
    heavy = "nats aiohttp httpx elasticsearch structlog prometheus_client yaml sigma websockets"
    drawing = (
        "audit evidence market report setup timeline"  # with rich, or they need asyncio at once
    )

    def imported(words: Iterable[str], packages: str) -> str:
        code = (
            "import sys\n"
            "from pipeline.cli.registering import register\n"
            f"for word in {list(words)!r}: register(word)\n"
            f"print(*sorted(set({packages.split()!r}) & set(sys.modules)))"
        )
        return _python(code)

    others = [word for word in MODULES if word != "demo"]
    assert imported(others, heavy) == "\n"
    quick = [word for word in others if word not in drawing.split()]
    assert imported(quick, heavy + " asyncio rich") == "\n"


def test_what_is_asked_for_is_registered_alone_and_whole() -> None:
    code = (
        "from pipeline.cli.app import app\n"
        "from pipeline.cli.registering import register\n"
        "register('status')\n"
        "print([info.name for info in app.registered_commands], app.registered_groups)"
    )
    assert _python(code) == "['status'] []\n"
    folder = Path(registering.__file__).parent
    registers = {
        path.stem
        for path in folder.glob("*.py")
        if re.search(r"^@\w+\.command\(|^app\.add_typer\(", path.read_text(), re.M)
    }
    assert registers == {module for modules in MODULES.values() for module in modules}
    for word, modules in MODULES.items():
        assert all(one == modules[0] or one.startswith(f"{modules[0]}_") for one in modules), word
    assert list(MODULES) == sorted(name for names in PANELS.values() for name in names)


def test_a_process_does_without_what_only_other_users_of_its_libraries_need(
    tmp_path: Path,
) -> None:
    assert find_spec("aiohttp") is not None, "nothing would be left out"
    code = (
        "import sys\n"
        "from pipeline.cli import main\n"
        f"sys.argv = ['tapewatch', 'status', '--config', {str(tmp_path / 'nowhere.yaml')!r}]\n"
        "try: main()\n"
        "except SystemExit: import nats.aio.transport\n"
        "print(nats.aio.transport.aiohttp)"
    )
    assert _python(code, error="nowhere.yaml") == "None\n"


def _python(code: str, error: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment(), timeout=60
    )
    assert error in done.stderr if error else done.stderr == ""
    return done.stdout


def test_an_interrupt_while_a_command_is_being_loaded_is_told_by_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(word: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(registering, "register", interrupted)
    with pytest.raises(SystemExit) as raised:
        main()
    assert raised.value.code == 130
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("command", ["detect", "backtest"])
def test_a_standard_input_that_is_closed_is_an_empty_one(tmp_path: Path, command: str) -> None:
    options = [command, "--rules", str(RULES / "spoofing"), "--events", "-"]
    closed = ["sh", "-c", 'exec "$@" <&-', "sh", *COMMAND, *options]

    done = subprocess.run(
        closed, cwd=tmp_path, capture_output=True, text=True, env=environment(), timeout=180
    )

    assert "Traceback" not in done.stderr
    empty = tapewatch(*options, folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (empty.code, empty.out, empty.error)
