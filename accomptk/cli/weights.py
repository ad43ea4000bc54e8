"""``accomptk weights``: what is shipped, what comes from elsewhere, and fetching it."""

from collections.abc import Iterator
from typing import Any

import click

from accomptk.cli.options import echo_json, force_option, json_option


@click.group(epilog="Example: accomptk weights fetch musicnn")
def weights() -> None:
    """List the weights that this installation has, and fetch those of third parties."""


@weights.command("list", epilog="Example: accomptk weights list --json")
@json_option
def list_weights(as_json: bool) -> None:
    """List shipped and third-party weights with their licences."""
    rows = [*_shipped(), *_third_party()]
    if as_json:
        echo_json({"weights": rows})
        return
    for row in rows:
        state = f"{row['bytes'] / 1e6:.1f} MB" if row["fetched"] else "not fetched"
        click.echo(f"{row['name']:<10} {state:>12}  {row['licence']:<11} {row['source']}")


@weights.command("fetch", epilog="Example: accomptk weights fetch musicnn")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@force_option
@json_option
def fetch_weights(names: tuple[str, ...], force: bool, as_json: bool) -> None:
    """Fetch third-party weights, all of them unless some are named.

    pip downloads the authors' own package; the file is checked, its weights are read without
    installing it, and kept in the user's cache ($ACCOMPTK_CACHE names another folder).
    """
    from accomptk.weights import registry

    names = names or tuple(registry.THIRD_PARTY)
    origins = {name: registry.source(name) for name in names}  # refuse all before any download
    for name, origin in origins.items():
        had = registry.is_fetched(name) and not force
        path = registry.stored(name) if had else registry.fetch(name)
        if not as_json:
            click.echo(f"{name}: {path}{' (was there)' if had else ''}")
            click.echo(f"  {origin.licence}, {origin.credit}, {origin.url}")
    if as_json:
        echo_json({"weights": [row for row in _third_party() if row["name"] in origins]})


def _shipped() -> Iterator[dict[str, Any]]:
    """A row for each checkpoint in the package."""
    from accomptk.checkpoint import file_sha256, read_header
    from accomptk.weights.registry import SHIPPED_DIR

    for path in sorted(SHIPPED_DIR.glob("*.safetensors")):
        yield {
            "name": path.stem,
            "kind": read_header(path).kind,
            "licence": "Apache-2.0",
            "source": f"shipped, sha256 {file_sha256(path)[:8]}",
            "sha8": file_sha256(path)[:8],
            "fetched": True,
            "bytes": path.stat().st_size,
            "path": str(path),
        }


def _third_party() -> Iterator[dict[str, Any]]:
    """A row for each entry of the registry."""
    from accomptk.checkpoint import file_sha256
    from accomptk.weights.registry import THIRD_PARTY, is_fetched, stored

    for name, origin in THIRD_PARTY.items():
        path = stored(name)
        there = is_fetched(name)
        yield {
            "name": name,
            "kind": name,
            "licence": origin.licence,
            "source": origin.url,
            "sha8": file_sha256(path)[:8] if there else None,
            "fetched": there,
            "bytes": path.stat().st_size if there else None,
            "path": str(path) if there else None,
        }
