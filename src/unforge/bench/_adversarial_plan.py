"""Which attacks the protocol `adversarial` tries on a network, one row each, and which its examiner learns from."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from torch import nn

from unforge.bench import _adversarial_attacks as attacks
from unforge.bench import _adversarial_material as states
from unforge.bench import network, peers, variants
from unforge.bench._adversarial_attacks import Judge, Views
from unforge.bench._adversarial_faces import MOST_OF_A_CLASS, Faces
from unforge.bench.network import Network

BUDGETS = (1, 2, 4, 8)  # of 255
MAIN = 4  # the budget that everything is measured at
MOST = 50  # faces of each class under gradients
MOST_KNOWING = 24  # each step asks the network three times
ASKED = ((500, 16), (2000, 8))  # questions a face, and faces of each class
SEED = 3
NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Attack:
    """A row: from faces to the views that the network is given. most: faces of each class."""

    row: str
    views: Callable[[Faces], Views]
    most: int = MOST


def followed() -> tuple[Network, Network, Network]:
    """Networks whose gradients are followed: one of the plan of `finegrained`, and two of other plans."""
    return variants.load(variants.FULL), peers.load("xception").network, peers.load("mesoinception4").network


def of_finegrained(one: Network) -> Iterator[Attack]:
    """All attacks there are."""
    yield from _of_any(one)
    own = Judge(one)
    same, other, third = map(Judge, followed())
    both = attacks.Together(other, third)
    for budget in BUDGETS[-2:]:
        yield Attack(f"white box in the picture, {budget}/255", partial(_in_pictures, own, one, budget))
    for budget in BUDGETS:
        yield Attack(f"transfer, other plan, {budget}/255", partial(_transferred, other, one, budget))
    yield Attack(f"transfer, third plan, {MAIN}/255", partial(_transferred, third, one, MAIN))
    yield Attack(f"transfer, both of these, {MAIN}/255", partial(_transferred, both, one, MAIN))
    for budget in BUDGETS[-2:]:
        yield Attack(f"transfer, same plan, {budget}/255", partial(_transferred, same, one, budget))
    for budget in BUDGETS[-2:]:
        yield Attack(f"knowing, {budget}/255", partial(_knowing, own, one, budget), MOST_KNOWING)
    for queries, most in ASKED:
        yield Attack(f"asking {queries} times, {MAIN}/255", partial(_asked, one, queries), most)


def of_seam(one: Network) -> Iterator[Attack]:
    """By its own gradients and by those of `finegrained`."""
    yield from _of_any(one)
    judge = Judge(network.packaged("finegrained"))
    yield Attack(f"transfer, finegrained, {MAIN}/255", partial(_transferred, judge, one, MAIN))


def learned_from(one: Network) -> list[Attack]:
    """What the examiner gets to see; nothing of the third plan, and nobody who knows the check."""
    same, other, _ = followed()
    attempts: list[tuple[str, Callable[..., Views], Judge, tuple[int, ...]]] = [
        ("white box", _white_box, Judge(one), (2, 4, 8)),
        ("white box in the picture", _in_pictures, Judge(one), (2, 6)),
        ("transfer, same plan", _transferred, Judge(same), (4, 8)),
        ("transfer, other plan", _transferred, Judge(other), (4, 8)),
    ]
    learned = [
        Attack(f"{name}, {budget}/255", partial(attack, judge, one, budget))
        for name, attack, judge, budgets in attempts
        for budget in budgets
    ]
    return [*learned, Attack(f"asking 300 times, {MAIN}/255", partial(_asked, one, 300))]


PLANS: dict[str, Callable[[Network], Iterator[Attack]]] = {"finegrained": of_finegrained, "seam": of_seam}


def _of_any(one: Network) -> Iterator[Attack]:
    yield Attack(NOBODY, partial(_untouched, one), MOST_OF_A_CLASS)
    yield Attack(f"random signs, {BUDGETS[-1]}/255", partial(_signed, one))
    own = Judge(one)
    for budget in BUDGETS:
        yield Attack(f"white box, {budget}/255", partial(_white_box, own, one, budget))


def _untouched(one: Network, faces: Faces) -> Views:
    return faces.views(one)


def _signed(one: Network, faces: Faces) -> Views:
    return states.signed(faces.views(one), BUDGETS[-1], SEED)


def _white_box(judge: Judge, one: Network, budget: int, faces: Faces) -> Views:
    return attacks.by_gradient(judge, faces.views(one), faces.fake, budget, SEED)


def _transferred(judge: nn.Module, one: Network, budget: int, faces: Faces) -> Views:
    return attacks.by_transfer(judge, faces.views(one), faces.fake, budget, SEED)


def _in_pictures(judge: Judge, one: Network, budget: int, faces: Faces) -> Views:
    return attacks.in_pictures(judge, faces, one, budget)


def _knowing(judge: Judge, one: Network, budget: int, faces: Faces) -> Views:
    return attacks.by_knowing(judge, faces.views(one), faces.fake, budget)


def _asked(one: Network, queries: int, faces: Faces) -> Views:
    def ask(views: Views) -> attacks.Floats:
        return one.ask(views).logits

    return attacks.by_asking(ask, faces.views(one), faces.fake, MAIN, queries, SEED)
