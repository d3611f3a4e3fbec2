"""The entry point: finds the verb, runs it, turns errors into messages and exit codes.

Exit codes: 0 all done; 1 some files failed, or a result could not be written; 2 wrong usage; 10 the band of
`--fail-on` was reached; 130 interrupted.
"""

import io
import sys
from collections.abc import Sequence
from importlib import import_module

import click

from unforge import __version__
from unforge.errors import UnforgeError, UnknownName, UsageError
from unforge.plugins import Registry

DONE, FAILED, WRONG_USAGE, REACHED, INTERRUPTED = 0, 1, 2, 10, 130

_PACKAGE = "unforge.cli"
_NOT_VERBS = {"main", "sample"}


class Verbs(click.Group):
    """The files of this folder as commands; a file is imported when its verb is used or listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name in _registry().available() if name not in _NOT_VERBS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = _registry().module(cmd_name).command
        return command


@click.group(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
    epilog="Example: unforge examine clip.mp4 --report out",
)
@click.version_option(__version__, "-V", "--version", message="unforge %(version)s")
def verbs() -> None:
    """Tell whether a picture or a video of a person has been forged, and show why.

    Works offline. Results go to stdout, progress to stderr. Files that are examined are never changed.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; never raises for a user's mistake."""
    _print_any_name()
    try:
        code = verbs.main(arguments, prog_name="unforge", standalone_mode=False)
    except click.ClickException as mistake:
        mistake.show()
        return mistake.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # whoever read the output has left; nothing more can be said
        return FAILED
    except UnforgeError as error:
        click.echo(f"unforge: {error}", err=True)
        return WRONG_USAGE if isinstance(error, UnknownName | UsageError) else FAILED
    return code if isinstance(code, int) else DONE


def _registry() -> Registry:
    return Registry(_PACKAGE, import_module(_PACKAGE).__path__, "command")


def _print_any_name() -> None:
    """File names may hold bytes that are no text; printing them must not end the run."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
