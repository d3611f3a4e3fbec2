"""The code: round trips, the noise it must bear, and how rarely noise is taken for a message."""

import itertools
from hashlib import blake2b

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from unforge.errors import ShapeError, UsageError
from unforge.trace import ecc

MESSAGES = arrays(np.uint8, ecc.N_BITS, elements=st.integers(0, 1))

Llr = NDArray[np.float64]


def random_message(rng: np.random.Generator) -> ecc.Bits:
    return rng.integers(0, 2, ecc.N_BITS, dtype=np.uint8)


def clean(bits: ecc.Bits) -> Llr:
    return 2.0 * ecc.encode(bits) - 1.0


def noisy(bits: ecc.Bits, snr: float, rng: np.random.Generator) -> Llr:
    return clean(bits) + rng.normal(0.0, 1.0 / snr, ecc.N_CODED)


def is_it(message: ecc.Bits):  # type: ignore[no-untyped-def]
    return lambda bits: bool((bits == message).all())


def short_tag(bits: ecc.Bits) -> bool:
    """Fits once in 64, whatever the bits."""
    return blake2b(bits.tobytes()).digest()[0] < 4


@settings(max_examples=40, deadline=None)
@given(MESSAGES, st.floats(1e-6, 1e6))
def test_a_clean_code_is_read_back_at_any_scale(message: ecc.Bits, scale: float) -> None:
    found = ecc.decode(scale * clean(message), is_it(message))
    assert found is not None
    assert found.rank == 0
    assert found.margin > 0.0
    assert ecc.coded_errors(clean(message), found.bits) == 0


@settings(max_examples=60, deadline=None)
@given(MESSAGES, st.integers(0, ecc.N_BITS - 1))
def test_a_turned_message_has_a_turned_code(message: ecc.Bits, places: int) -> None:
    assert (ecc.encode(np.roll(message, places)) == np.roll(ecc.encode(message), 3 * places)).all()


@settings(max_examples=60, deadline=None)
@given(MESSAGES, MESSAGES)
def test_the_code_is_linear(first: ecc.Bits, second: ecc.Bits) -> None:
    assert (ecc.encode(first ^ second) == ecc.encode(first) ^ ecc.encode(second)).all()


def test_one_bit_is_coded_by_the_generators() -> None:
    alone = np.zeros(ecc.N_BITS, np.uint8)
    alone[0] = 1
    answers = ecc.encode(alone).reshape(-1, 3)[:9].T
    assert [int("".join(map(str, answer)), 2) for answer in answers] == [0o557, 0o663, 0o711]


def test_messages_that_differ_in_little_differ_by_the_free_distance_in_code() -> None:
    """18 for these generators (Larsen, IEEE Trans. Inf. Theory 1973)."""
    one_bit_or_more = [np.array(bits, np.uint8) for bits in itertools.product((0, 1), repeat=7)][1:]
    messages = np.array([np.pad(bits, (0, ecc.N_BITS - 7)) for bits in one_bit_or_more])
    assert ecc.encode(messages).sum(axis=1).min() == 18


def test_many_messages_are_coded_at_once() -> None:
    rng = np.random.default_rng(0)
    messages = rng.integers(0, 2, (3, 2, ecc.N_BITS))
    coded = ecc.encode(messages)
    assert coded.shape == (3, 2, ecc.N_CODED)
    assert (coded[2, 1] == ecc.encode(messages[2, 1])).all()


def test_noise_of_the_strength_of_the_signal_is_borne() -> None:
    rng = np.random.default_rng(1)
    messages = [random_message(rng) for _ in range(100)]
    right = [ecc.decode(noisy(message, 1.0, rng), is_it(message)) is not None for message in messages]
    assert sum(right) >= 95


def test_forty_erased_bits_are_borne() -> None:
    rng = np.random.default_rng(2)
    for _ in range(20):
        message = random_message(rng)
        llr = noisy(message, 1.5, rng)
        llr[rng.choice(ecc.N_CODED, 40, replace=False)] = 0.0
        found = ecc.decode(llr, is_it(message))
        assert found is not None
        assert ecc.coded_errors(llr, message) < 40


def test_a_burst_over_the_joint_is_borne() -> None:
    message = random_message(np.random.default_rng(3))
    llr = clean(message)
    llr[:9] = llr[-9:] = 0.0
    assert ecc.decode(llr, is_it(message), list_size=1) is not None


def test_the_list_is_that_of_an_exhaustive_search() -> None:
    """Messages of a subspace in which all likely ones lie: eight unknown bits, the rest as good as known."""
    rng = np.random.default_rng(4)
    message = random_message(rng)
    unknown = rng.choice(ecc.N_BITS, 8, replace=False)
    space = np.repeat(message[None], 256, axis=0)
    space[:, unknown] = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1)
    coded = ecc.encode(space)
    known = (coded == coded[0]).all(axis=0)
    llr = np.where(known, 100.0, 1.0) * (2.0 * coded[0] - 1.0) + rng.normal(0.0, 1.5, ecc.N_CODED)
    order = np.argsort(-(coded @ llr))[:8]
    assert [bits.tolist() for bits in ecc.candidates(llr, 8)] == space[order].tolist()


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_list_is_in_order_and_without_repetition(seed: int) -> None:
    llr = np.random.default_rng(seed).normal(0.0, 1.0, ecc.N_CODED)
    found = ecc.candidates(llr, 30)
    fits = [float(llr @ ecc.encode(bits)) for bits in found]
    assert all(a >= b - 1e-3 for a, b in itertools.pairwise(fits))
    assert len({bits.tobytes() for bits in found}) == 30
    assert [bits.tobytes() for bits in ecc.candidates(llr, 5)] == [bits.tobytes() for bits in found[:5]]


def test_turning_the_code_does_not_change_what_is_found() -> None:
    rng = np.random.default_rng(5)
    message = random_message(rng)
    llr = noisy(message, 1.0, rng)
    there, here = ecc.candidates(np.roll(llr, 3 * 31), 1)[0], ecc.candidates(llr, 1)[0]
    assert (there == np.roll(here, 31)).all()


def test_a_message_that_was_not_the_first_has_a_negative_margin() -> None:
    rng = np.random.default_rng(6)
    message = random_message(rng)
    llr = noisy(message, 1.5, rng)
    second = ecc.candidates(llr, 2)[1]
    found = ecc.decode(llr, is_it(second))
    assert found is not None
    assert found.rank == 1
    assert found.margin == pytest.approx(float(llr @ ecc.encode(second)) - float(llr @ ecc.encode(message)))
    assert found.margin < 0.0


def test_a_list_of_one_has_a_margin_too() -> None:
    message = random_message(np.random.default_rng(7))
    found = ecc.decode(clean(message), is_it(message), list_size=1)
    assert found is not None
    assert found.margin == pytest.approx(18.0)


def test_noise_is_taken_as_often_as_tag_and_list_allow() -> None:
    """A tag that fits once in 64 and a list of 8: 1 - (63/64)^8 = 11.8 %; three standard errors on 300 draws."""
    rng = np.random.default_rng(8)
    taken = [ecc.decode(rng.normal(0.0, 1.0, ecc.N_CODED), short_tag) is not None for _ in range(300)]
    assert np.mean(taken) == pytest.approx(0.118, abs=0.056)


def test_nothing_seen_is_no_crash() -> None:
    llr = np.zeros(ecc.N_CODED)
    assert len(ecc.candidates(llr, 3)) == 3
    assert ecc.decode(llr, lambda bits: False) is None
    assert ecc.coded_errors(llr, np.zeros(ecc.N_BITS, np.uint8)) == 0
    assert (ecc.correlate(llr, np.ones((2, ecc.N_CODED), bool)) == 0.0).all()


def test_errors_are_counted() -> None:
    message = random_message(np.random.default_rng(9))
    llr = clean(message)
    llr[[3, 50, 99]] *= -1.0
    assert ecc.coded_errors(llr, message) == 3


def test_the_right_codeword_is_found_far_below_what_the_decoder_bears() -> None:
    rng = np.random.default_rng(10)
    codewords = ecc.encode(rng.integers(0, 2, (70_000, ecc.N_BITS), dtype=np.uint8))
    llr = 2.0 * codewords[66_000] - 1.0 + rng.normal(0.0, 2.0, ecc.N_CODED)
    z = ecc.correlate(llr, codewords)
    best = ecc.likeliest(z)
    assert best.index == 66_000
    assert best.z == z.max()
    assert best.runner_up_z == np.sort(z)[-2]
    assert best.z > best.runner_up_z + 1.0


def test_against_noise_the_correlation_is_standard_normal() -> None:
    rng = np.random.default_rng(11)
    codewords = ecc.encode(rng.integers(0, 2, (20_000, ecc.N_BITS), dtype=np.uint8))
    z = ecc.correlate(rng.standard_t(3, ecc.N_CODED), codewords)
    assert abs(z.mean()) < 0.05
    assert z.std() == pytest.approx(1.0, abs=0.05)
    assert np.mean(z > 3.0) < np.exp(-4.5)


def test_correlation_takes_whole_numbers_and_truth_values() -> None:
    rng = np.random.default_rng(12)
    codewords = ecc.encode(rng.integers(0, 2, (5, ecc.N_BITS)))
    llr = rng.normal(size=ecc.N_CODED)
    expected = (2.0 * codewords - 1.0) @ llr / np.linalg.norm(llr)
    for kind in (bool, np.int8):
        assert ecc.correlate(llr, codewords.astype(kind)) == pytest.approx(expected, abs=1e-5)
    assert ecc.likeliest(ecc.correlate(llr, codewords[:1])).runner_up_z == -np.inf


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        (lambda: ecc.encode(np.zeros(79, np.uint8)), "message"),
        (lambda: ecc.encode(np.full(80, 2)), "message"),
        (lambda: ecc.candidates(np.zeros(239)), "llr"),
        (lambda: ecc.candidates(np.full(240, np.nan)), "llr"),
        (lambda: ecc.decode(np.full(240, np.inf), bool), "llr"),
        (lambda: ecc.correlate(np.zeros(240), np.zeros((1, 80))), "codewords"),
        (lambda: ecc.likeliest(np.zeros(0)), "z"),
    ],
)
def test_wrong_shapes_are_told(wrong, word: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ShapeError, match=word):
        wrong()


@pytest.mark.parametrize("use", [ecc.candidates, lambda llr, size: ecc.decode(llr, bool, size)])
def test_an_empty_list_is_refused(use) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UsageError, match="list_size"):
        use(np.zeros(ecc.N_CODED), 0)
