"""Recipes: TOML files read strictly into frozen dataclasses, written back, and hashed."""

import difflib
import hashlib
import json
import tomllib
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, asdict, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from accomptk.errors import RecipeError

T = TypeVar("T")

NAMES = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}


def recipes_dir() -> Path:
    """The shipped recipes: inside the installed package, or beside it in a clone."""
    package = Path(__file__).parent
    inside = package / "recipes"
    return inside if inside.is_dir() else package.parent / "recipes"


def load_recipe(name_or_path: str, schema: type[T], overrides: Sequence[str] = ()) -> T:
    """Read a recipe into its dataclass.

    Args:
        name_or_path: A shipped recipe such as ``pocket/teacher``, or a path that ends in ``.toml``.
        schema: Frozen dataclass; a nested dataclass is a table.
        overrides: ``table.key=value`` texts, each value in TOML syntax or a plain word.

    Raises:
        RecipeError: If the file is missing or does not fit the schema.
    """
    path = find_recipe(name_or_path)
    values = _read_extended(path)
    for override in overrides:
        _override(values, override)
    return parse_recipe(values, schema, _label(path))


def find_recipe(name_or_path: str) -> Path:
    """The file of a shipped recipe name or of a path.

    Raises:
        RecipeError: If there is none.
    """
    if name_or_path.endswith(".toml"):
        path = Path(name_or_path)
    else:
        path = recipes_dir() / f"{name_or_path}.toml"
    if path.is_file():
        return path
    raise RecipeError(
        f"recipe '{name_or_path}': no such file; shipped are "
        f"{', '.join(shipped_recipes())}; give one of them or a path that ends in .toml"
    )


def shipped_recipes() -> list[str]:
    """Names that `load_recipe` knows, sorted."""
    root = recipes_dir()
    return sorted(
        path.relative_to(root).with_suffix("").as_posix() for path in root.rglob("*.toml")
    )


def parse_recipe(values: Mapping[str, Any], schema: type[T], where: str) -> T:
    """Build the dataclass from plain values, as read from TOML or from a checkpoint's header.

    Args:
        values: Keys and tables.
        schema: Frozen dataclass of int, float, str, bool, Literal, tuple, dict, ``X | None`` and
            nested dataclasses, which are tables.
        where: What to name in messages, for instance the file.

    Raises:
        RecipeError: On an unknown or missing key, or a value of another type.
    """
    return _parse_table(values, schema, where, "")


def dump_recipe(recipe: Any) -> str:
    """TOML of a recipe, the same text for equal recipes; keys that are None are left out."""
    values = asdict(recipe) if is_dataclass(recipe) and not isinstance(recipe, type) else recipe
    return "\n".join(_dump_table(values, "")) + "\n"


def recipe_hash(recipe: Any) -> str:
    """sha256 (hex) of `dump_recipe`."""
    return hashlib.sha256(dump_recipe(recipe).encode()).hexdigest()


def _label(path: Path) -> str:
    """How messages call a recipe file."""
    root = recipes_dir()
    return f"recipes/{path.relative_to(root)}" if path.is_relative_to(root) else str(path)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{_label(path)}: not TOML: {error}; mend that line") from error


def _read_extended(path: Path) -> dict[str, Any]:
    values = _read_toml(path)
    parent_name = values.pop("extends", None)
    if parent_name is None:
        return values
    parent = path.parent / str(parent_name)
    parent_values = _read_toml(parent if parent.is_file() else find_recipe(str(parent_name)))
    if "extends" in parent_values:
        raise RecipeError(
            f"{_label(path)}: extends '{parent_name}', which extends another recipe itself; "
            "one level is allowed; extend that one"
        )
    return _merge(parent_values, values)


def _merge(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, dict) and isinstance(below.get(key), dict)
        merged[key] = _merge(below[key], value) if both else value
    return merged


def _override(values: dict[str, Any], override: str) -> None:
    dotted, equals, text = override.partition("=")
    if not equals or not dotted.strip():
        raise RecipeError(f"--set {override}: not an assignment; write --set table.key=value")
    *tables, key = dotted.strip().split(".")
    for table in tables:
        values = values.setdefault(table, {})
        if not isinstance(values, dict):
            raise RecipeError(f"--set {override}: '{table}' is a value, not a table")
    try:
        values[key] = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        values[key] = text.strip()


def _parse_table(values: Mapping[str, Any], schema: type[T], where: str, table: str) -> T:
    """Recursive part of `parse_recipe`; ``table`` is the dotted name of this table."""
    place = f"{where} [{table}]" if table else where
    hints = get_type_hints(schema)
    known = {field.name: field for field in fields(schema) if field.init}  # type: ignore[arg-type]
    for key in values:
        if key not in known:
            raise RecipeError(f"{place}: unknown key '{key}'; {_hint(key, list(known))}")
    built = {}
    for name, field in known.items():
        if name in values:
            dotted = f"{table}.{name}" if table else name
            built[name] = _convert(values[name], hints[name], where, place, dotted)
        elif field.default is MISSING and field.default_factory is MISSING:
            raise RecipeError(f"{place}: key '{name}' is missing; add {name} = ...")
    return schema(**built)


def _hint(key: str, known: list[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    return f"did you mean '{near[0]}'?" if near else f"allowed are {', '.join(known)}"


def _convert(value: Any, hint: Any, where: str, place: str, dotted: str) -> Any:
    """``value`` as the type that the schema asks for, or a RecipeError."""
    key = dotted.rpartition(".")[2]
    origin, arguments = get_origin(hint), get_args(hint)
    if is_dataclass(hint) and isinstance(hint, type) and isinstance(value, Mapping):
        return _parse_table(value, hint, where, dotted)
    if origin in (Union, types.UnionType):
        present = [option for option in arguments if option is not type(None)]
        return value if value is None else _convert(value, present[0], where, place, dotted)
    if origin is Literal and value in arguments:
        return value
    if origin is tuple and isinstance(value, list | tuple):
        kinds = _item_kinds(arguments, len(value))
        if len(kinds) == len(value):
            pairs = zip(value, kinds, strict=True)
            return tuple(_convert(item, kind, where, place, dotted) for item, kind in pairs)
    if origin is dict and isinstance(value, Mapping):
        return {
            name: _convert(item, arguments[1], where, place, dotted) for name, item in value.items()
        }
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint is Any or type(value) is hint:
        return value
    raise RecipeError(f"{place}: {key} = {_dump_value(value)}: must be {_wanted(hint)}; change it")


def _item_kinds(arguments: tuple[Any, ...], count: int) -> tuple[Any, ...]:
    """The type of each item of a ``tuple[X, ...]`` or ``tuple[X, Y]``."""
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return (arguments[0],) * count
    return arguments


def _wanted(hint: Any) -> str:
    """What a message calls the type."""
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(repr(option) for option in get_args(hint))
    if get_origin(hint) is tuple:
        kinds = get_args(hint)
        if kinds[-1] is Ellipsis:
            return f"a list, each item {_wanted(kinds[0])}"
        return f"a list of {len(kinds)}: " + ", ".join(map(_wanted, kinds))
    return NAMES.get(hint, "a table")


def _dump_table(values: Mapping[str, Any], table: str) -> Iterator[str]:
    """Plain keys first, then the tables, in the order of the dataclass."""
    tables = {key: value for key, value in values.items() if isinstance(value, Mapping)}
    if table:
        yield f"[{table}]"
    for key, value in values.items():
        if key not in tables and value is not None:
            yield f"{_dump_key(key)} = {_dump_value(value)}"
    for key, value in tables.items():
        yield ""
        yield from _dump_table(value, f"{table}.{_dump_key(key)}" if table else _dump_key(key))


def _dump_key(key: str) -> str:
    plain = key.replace("-", "").replace("_", "")
    return key if plain.isalnum() and plain.isascii() else _dump_text(key)


def _dump_value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_dump_value(item) for item in value) + "]"
    if isinstance(value, Mapping):
        pairs = (f"{_dump_key(key)} = {_dump_value(item)}" for key, item in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value) if isinstance(value, bool | int) else _dump_text(str(value))


def _dump_text(text: str) -> str:
    """A TOML basic string: JSON's escapes are TOML's, but for the delete character."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
