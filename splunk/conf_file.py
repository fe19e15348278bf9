"""Splunk's .conf files, read strictly."""

import configparser
from pathlib import Path

APP = Path(__file__).resolve().parent / "tapewatch"
_GOES_ON = "\x1f"

Stanzas = dict[str, dict[str, str]]


def read_conf(text: str) -> Stanzas:
    """Settings by stanza. A line that ends with a backslash goes on on the next one.

    Raises configparser.Error where a stanza or a setting stands twice, or a line is neither.
    """
    parser = configparser.RawConfigParser(
        delimiters=("=",), comment_prefixes=("#",), strict=True, default_section="\x00"
    )
    parser.optionxform = lambda optionstr: optionstr
    parser.read_string(text.replace("\\\n", _GOES_ON))
    return {
        name: {key: value.replace(f" {_GOES_ON}", "\n") for key, value in parser[name].items()}
        for name in parser.sections()
    }


def app_conf(name: str) -> Stanzas:
    """A file of the app's `default` folder, without `.conf`."""
    return read_conf((APP / "default" / f"{name}.conf").read_text(encoding="utf-8"))
