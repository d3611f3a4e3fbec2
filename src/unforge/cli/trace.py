"""`unforge trace`: a mark on screens and files that people do not see, and who a photograph of one leads to."""

from importlib import import_module

import click

_PARTS = ("key", "registry", "overlay", "mark", "read")  # in the order in which a site needs them


class _Parts(click.Group):
    """Each part is one file, `_trace_PART.py`, imported when it is used or listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_PARTS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _PARTS:
            return None
        part: click.Command = import_module(f"unforge.cli._trace_{cmd_name}").command
        return part


@click.command(
    cls=_Parts,
    short_help="Mark screens and files; find the source of a photograph.",
    epilog="Example: unforge trace read photo.jpg --report out",
)
def command() -> None:
    """Mark screens and files, and find out which of them a photograph shows.

    Make a key ring, tell the registry which machines there are, show the overlay or mark files before they are
    handed out. A photograph of any of them then leads to its machine, its place and its time.
    """
