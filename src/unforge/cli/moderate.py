"""`unforge moderate`: content review that evasion does not defeat."""

from importlib import import_module

import click

_PARTS = ("items", "queue", "bank", "policy")
_ITEMS = "items"


class _Parts(click.Group):
    """Each part is one file, `_moderate_PART.py`, imported when it is used or listed. What names none is items."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_PARTS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _PARTS:
            return None
        part: click.Command = import_module(f"unforge.cli._moderate_{cmd_name}").command
        return part

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        names_part = bool(args) and args[0] in (*_PARTS, *ctx.help_option_names)
        return super().parse_args(ctx, args if names_part or not args else [_ITEMS, *args])


@click.command(
    cls=_Parts,
    short_help="Decide what to do about content; queue it for people.",
    epilog="Example: unforge moderate listings/ --policy remove --queue review.db",
)
def command() -> None:
    """Decide on pictures, videos and texts by a policy, and let people review.

    `unforge moderate PATH...` is short for `unforge moderate items PATH...`. A file called like one of the commands
    below is meant by ./queue.
    """
