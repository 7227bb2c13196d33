"""YAML files that people write: read so that each fault can be named with its line and field."""

from pathlib import Path
from typing import Any

import yaml
from yaml.reader import ReaderError

# libyaml reads the plan in 3 ms, PyYAML's own loader (the same grammar) in 20; not every platform's wheel has libyaml.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Where = tuple[int | str, ...]
Fault = tuple[Where, str]


class UnreadableFile(ValueError):
    """The file is no YAML; the message names it and the line."""


class YamlFile:
    """A file as values, as nodes, which know their lines, and the faults that only the nodes show.

    :raises UnreadableFile: it cannot be read as YAML
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            text = path.read_text(encoding="utf-8")
            loader = _Loader(text)
            self._root: yaml.Node | None = loader.get_single_node()
            # First: construction writes what `<<` merges into the nodes themselves.
            self.faults: list[Fault] = _repeated_keys(self._root)
            self.content: Any = self._root and loader.construct_document(self._root)
        except OSError as error:
            raise UnreadableFile(f"{path}: cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise UnreadableFile(f"{path}: is no UTF-8: {error.reason} at byte {error.start}") from error
        except ReaderError as error:
            line = f":{text.count(chr(10), 0, error.position) + 1}"
            raise UnreadableFile(f"{path}{line}: is no YAML: {error.reason}") from error
        except yaml.MarkedYAMLError as error:
            line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
            raise UnreadableFile(f"{path}{line}: is no YAML: {error.problem}") from error
        except ValueError as error:  # an impossible date or number
            raise UnreadableFile(f"{path}: is no YAML: {error}") from error
        except RecursionError as error:
            raise UnreadableFile(f"{path}: is nested too deeply, or an alias contains itself") from error

    def complaint(self, faults: list[Fault], whole: str) -> str:
        """One line for each fault: file, line, field, what is wrong. `whole` is what a fault without a field is of."""
        return "\n".join(
            f"{self.path}:{self._line(where)}: {'.'.join(map(str, where)) or whole}: {what}" for where, what in faults
        )

    def _line(self, where: Where) -> int:
        """The line of the deepest node on the way to `where` that the file has."""
        node, line = self._root, 1
        for step in where:
            if isinstance(node, yaml.MappingNode):
                entry = next(((key, value) for key, value in reversed(node.value) if key.value == str(step)), None)
                if entry is None:
                    break
                line, node = entry[0].start_mark.line + 1, entry[1]
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
                node = node.value[step]
                line = node.start_mark.line + 1
            else:
                break
        return line


def _repeated_keys(node: yaml.Node | None, where: Where = ()) -> list[Fault]:
    """YAML forbids a repeated key, PyYAML keeps the last one in silence."""
    if isinstance(node, yaml.SequenceNode):
        return [fault for index, item in enumerate(node.value) for fault in _repeated_keys(item, (*where, index))]
    if not isinstance(node, yaml.MappingNode):
        return []
    faults: list[Fault] = []
    seen: set[str] = set()
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            continue  # a list or a mapping as a key is refused when the values are made
        if key.value in seen:
            faults.append(((*where, key.value), "stands here twice"))
        seen.add(key.value)
        faults += _repeated_keys(value, (*where, key.value))
    return faults
