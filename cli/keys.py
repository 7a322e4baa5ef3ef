"""`maas keys`: hand out, list and take back the API keys of consumers, and see what they use."""

from typing import Annotated, Any

import typer

from cli import console
from cli.consumers import LONGEST_DAYS, Consumer, Consumers, Share
from cli.deployment import StackOption, find
from cli.target import JsonOption

app = typer.Typer(no_args_is_help=True, help="API keys of consumers: create, list, revoke, usage.")
ConsumerArgument = Annotated[str, typer.Argument(metavar="CONSUMER", help="Who the key is for.")]


@app.command(epilog="Example: maas keys create traffic-office --rate 5 --burst 10 --per-day 20000")
def create(
    consumer: ConsumerArgument,
    *,
    rate: Annotated[
        float | None, typer.Option("--rate", min=0.1, help="Requests per second; by default the stack's.")
    ] = None,
    burst: Annotated[int | None, typer.Option("--burst", min=1, help="Requests at once.")] = None,
    per_day: Annotated[
        int | None, typer.Option("--per-day", min=1, help="Requests per day (UTC); without it, no quota.")
    ] = None,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a consumer a key, with the stack's share of the API or one of its own.

    The key is shown this one time. Callers send it in the header x-api-key, `maas predict` takes it from
    MAAS_API_KEY. It says whose quota a request counts against; it replaces neither signature nor token.
    """
    share = None
    if rate or burst or per_day:
        share = Share(rate or 10.0, burst or max(1, round(2 * (rate or 10.0))), per_day)
    made, value = _consumers(stack).create(consumer, share)
    if as_json:
        console.emit(_record(made) | {"value": value})
        return
    console.say(f"{consumer} has a key. It is shown this one time:", style="bold green")
    console.say(value)
    console.say(f"  share: {_share(made)}")


@app.command("list", epilog="Example: maas keys list")
def list_(stack: StackOption = None, *, as_json: JsonOption = False) -> None:
    """List the consumers and their shares; never a key."""
    found = list(_consumers(stack).all())
    if as_json:
        console.emit([_record(consumer) for consumer in found])
        return
    if not found:
        console.say("Nobody has a key yet.")
        console.remark("next:  `maas keys create CONSUMER`")
        return
    console.table(
        ["consumer", "key id", "share", "created"],
        [
            (consumer.name, consumer.key_id, _share(consumer), f"{consumer.created:%Y-%m-%d}")
            for consumer in found
        ],
    )


@app.command(epilog="Example: maas keys revoke traffic-office")
def revoke(consumer: ConsumerArgument, stack: StackOption = None, *, as_json: JsonOption = False) -> None:
    """Take a consumer's key back. API Gateway may take a minute to notice."""
    gone = _consumers(stack).revoke(consumer)
    if as_json:
        console.emit(_record(gone))
    else:
        console.say(f"The key of {gone.name} is revoked.", style="bold green")


@app.command(epilog="Example: maas keys usage traffic-office --days 7")
def usage(
    consumer: ConsumerArgument,
    *,
    days: Annotated[
        int, typer.Option("--days", min=1, max=LONGEST_DAYS, help="How many days, today included.")
    ] = 30,
    stack: StackOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how many requests a consumer made on each day (UTC), and how many were left."""
    counted = _consumers(stack).usage(consumer, days)
    if as_json:
        console.emit([day._asdict() for day in counted])
        return
    console.table(
        ["day", "used", "left"], [(day.date, day.used, day.remaining) for day in counted], title=consumer
    )


def _consumers(stack: str | None) -> Consumers:
    from cli.stack import NAME

    return Consumers.of(find(stack), stack or NAME)


def _record(consumer: Consumer) -> dict[str, Any]:
    """One consumer, for programs."""
    share = consumer.share._asdict() if consumer.share else None
    return {
        "consumer": consumer.name,
        "key_id": consumer.key_id,
        "enabled": consumer.enabled,
        "created": consumer.created,
        "share": share,
    }


def _share(consumer: Consumer) -> str:
    """A consumer's share in words."""
    if consumer.share is None:
        return "none: every request is refused"
    rate, burst, per_day = consumer.share
    quota = f", {per_day} a day" if per_day else ""
    return f"{rate:g} a second, {burst} at once{quota}"
