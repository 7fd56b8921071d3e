"""Read a cluster's file: its variables, no secrets, and every mistake in a sentence."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from sulfox.errors import SulfoxError

__all__ = ["describe_mistakes", "invalid_file", "read_cluster_file"]

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
#: Words of secrets anywhere; names with "key" or "credential" where they are given a value.
_SECRET = re.compile(
    r"passw|secret|token|passphrase|mongodb(\+srv)?://[^@\s]*@"
    r"|\b\w*(?:key|credential)\w*[\"']?\s*[=:]",
    re.IGNORECASE,
)
#: End of a key's name -> what its number counts.
_UNITS = {"_h": " of hours, such as 24", "_s": " of seconds", "_node": ", such as 64"}
_SHAPES = {"dict": "keys with values", "model": "keys with values", "tuple": "a list"}


class _Loader(yaml.SafeLoader):
    """YAML without numbers to the base of 60: ``48:00:00`` is text, not 172800."""

    def number(self, node: Any) -> Any:
        """Give a number, or the text where it has a colon."""
        if ":" in node.value:
            return node.value
        make = self.construct_yaml_int if node.tag.endswith("int") else self.construct_yaml_float
        return make(node)


for _kind in ("int", "float"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_kind}", _Loader.number)


def read_cluster_file(path: Path) -> Any:
    """Read a cluster's file, with ``${NAME}`` replaced by the environment variable.

    Parameters
    ----------
    path : Path
        YAML file.

    Returns
    -------
    object
        As YAML gives it; not checked.

    Raises
    ------
    SulfoxError
        SFX-802 if it is no YAML file, holds what looks like a secret, or names variables that
        are not set: all of them.
    """
    try:
        text = path.read_text(encoding="utf-8")
        content = yaml.load(text, Loader=_Loader)  # noqa: S506 a safe loader
    except (yaml.YAMLError, OSError, UnicodeDecodeError) as error:
        raise invalid_file(path, " ".join(str(error).split()), "a YAML file") from error
    for number, line in enumerate(text.splitlines(), start=1):
        if _SECRET.search(line):
            raise invalid_file(
                path,
                f"line {number} holds what looks like a secret",
                "no secrets: jobs read them from files of your own",
                "take the line out, and put the secret into your ~/.profile or ~/.pmgrc.yaml there",
            )
    missing = list(dict.fromkeys(n for n in _variables(content) if not os.environ.get(n)))
    if missing:
        words = "variable {} is" if len(missing) == 1 else "variables {} are"
        raise invalid_file(
            path,
            f"environment {words.format(', '.join(missing))} not set or empty",
            "a value for every ${NAME} of the file",
            "export " + " ".join(f"{name}=..." for name in missing),
        )
    return _substituted(content)


def describe_mistakes(
    error: ValidationError, content: Any, models: Mapping[str, type[BaseModel]]
) -> list[str]:
    """Say what is wrong in a cluster's file, each mistake once.

    Parameters
    ----------
    error : ValidationError
        What pydantic found.
    content : object
        What it looked at; elements of lists are called by their ``name``.
    models : dict
        First key -> model below it; ``""`` is the model of the file.

    Returns
    -------
    list of str
        Sentences in the words of the file.
    """
    found = error.errors(include_url=False)
    lost = {e["loc"][-1] for e in found if e["type"] == "missing"}
    sentences = []
    for item in found:
        loc = item["loc"]
        if item["type"] == "extra_forbidden":
            name = str(loc[-1])
            known = list(models[str(loc[0]) if len(loc) > 1 else ""].model_fields)
            likely = difflib.get_close_matches(name, known, n=1, cutoff=0.75)
            lost -= set(likely)
            hint = f"do you mean {likely[0]}?" if likely else f"known are {', '.join(known)}"
            sentences.append(f"{_where(loc[:-1], content)}unknown key {name}: {hint}")
        elif item["type"] != "missing" and not _follows(item, found):
            sentences.append(_sentence(item, content))
    sentences += [
        f"{_where(e['loc'][:-1], content)}{e['loc'][-1]} is missing"
        for e in found
        if e["type"] == "missing" and e["loc"][-1] in lost
    ]
    return list(dict.fromkeys(sentences))


def invalid_file(
    path: Path, found: str, expected: str, next_step: str | None = None
) -> SulfoxError:
    """Make the error of a cluster's file.

    Parameters
    ----------
    path : Path
        The file.
    found, expected : str
        As in :class:`SulfoxError`.
    next_step : str, optional
        None asks for a correction of the file.

    Returns
    -------
    SulfoxError
        SFX-802.
    """
    return SulfoxError(
        "SFX-802",
        who=f"cluster file {path}",
        found=found,
        expected=expected,
        next_step=next_step or "correct the file; configs/clusters holds examples",
    )


def _variables(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from _VARIABLE.findall(value)
    elif isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _variables(item)


def _substituted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _substituted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_substituted(item) for item in value]
    if not isinstance(value, str):
        return value
    return _VARIABLE.sub(lambda match: os.environ[match.group(1)], value)


def _follows(item: Any, found: list[Any]) -> bool:
    """Whether a list is only empty because nothing of it is right."""
    loc, size = item["loc"], len(item["loc"])
    below = any(other["loc"][:size] == loc for other in found if len(other["loc"]) > size)
    return bool(item["type"] == "too_short" and below)


def _where(loc: tuple[int | str, ...], content: Any) -> str:
    """``"partitions.standard: "``."""
    words = []
    for part in loc:
        try:
            content = content[part]
        except (KeyError, IndexError, TypeError):
            content = None
        named = isinstance(part, int) and isinstance(content, dict) and "name" in content
        words.append(str(content["name"] if named else part))
    return f"{'.'.join(words)}: " if words else ""


def _sentence(item: Any, content: Any) -> str:
    kind, value, limits = item["type"], item["input"], item.get("ctx", {})
    if item["loc"] and item["loc"][-1] == "[key]":
        where = _where(item["loc"][:-2], content)
        return f"{where}unknown key {value}: known are {limits.get('expected')}"
    name = str(item["loc"][-1]) if item["loc"] else ""
    shown = repr(value) if isinstance(value, (str, int, float)) else f"a {type(value).__name__}"
    unit = next((words for end, words in _UNITS.items() if name.endswith(end)), "")
    said = {
        "value_error": str(limits.get("error")),
        "finite_number": f"{shown} is no finite number",
        "string_type": f"{shown} is no text; put it in quotes",
        "literal_error": f"{shown} is not {limits.get('expected')}",
        "string_pattern_mismatch": f"{shown} must be small letters, digits and dashes",
        "greater_than": f"{shown} must be above {limits.get('gt')}",
        "greater_than_equal": f"{shown} must be at least {limits.get('ge')}",
        "too_short": "it is empty",
        "string_too_short": "it is empty",
    }.get(kind)
    if said is None:
        first = kind.partition("_")[0]
        if first in ("float", "int"):
            said = f"{shown} is no {'whole ' if first == 'int' else ''}number{unit}"
        elif first == "bool":
            said = f"{shown} is neither true nor false"
        else:
            said = f"{shown} where {_SHAPES.get(first, 'another value')} must stand"
    return _where(item["loc"], content) + said
