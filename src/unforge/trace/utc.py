"""Times of the trace: always UTC, always with a zone, ISO 8601 to the second when written."""

from datetime import UTC, datetime

from unforge.errors import UsageError


def aware(when: datetime, what: str = "time") -> datetime:
    """The same moment in UTC; raises UsageError for a time without a zone, which could be any of 24 hours."""
    if when.tzinfo is None:
        raise UsageError(f"{what}: expected a time with its zone, got {when.isoformat()}; add +00:00 if it is UTC")
    return when.astimezone(UTC)


def text(when: datetime) -> str:
    """2026-03-01T08:30:00Z; such texts sort like the times themselves."""
    return aware(when).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse(written: str, what: str = "time") -> datetime:
    """A time as ISO 8601 writes it, with its zone; raises UsageError for anything else."""
    try:
        when = datetime.fromisoformat(written)
    except ValueError:
        raise UsageError(f"{what}: expected a time like 2026-03-01T08:30:00Z, got {written!r}") from None
    return aware(when, what)
