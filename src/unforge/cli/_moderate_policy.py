"""`unforge moderate policy`: whether a policy makes sense, and what it says."""

import click


@click.command(
    short_help="Check a policy and print what it does.", epilog="Example: unforge moderate policy my-rules.toml"
)
@click.argument("names", nargs=-1, metavar="NAME|FILE...")
def command(names: tuple[str, ...]) -> int:
    """Check policies: TOML files, or those that come along by their names. Without any, list those.

    Prints name, version and rules. A policy that names what does not exist is refused with every mistake; exit code 1.
    """
    from unforge.errors import PolicyError
    from unforge.moderate import policy

    code = 0
    for name in names or policy.shipped():
        try:
            found = policy.load(name)
        except PolicyError as error:
            click.echo(f"unforge: {error}", err=True)
            code = 1
            continue
        click.echo(f"{found.name} {found.version}")
        for rule in found.rules:
            click.echo(f"  {rule}")
        click.echo(f"  otherwise -> {found.otherwise}; files that cannot be read -> {found.on_error}")
        if found.stop_at:
            click.echo(f"  dearer checks are left out from {found.stop_at} on")
    return code
