"""Fits of texts: thresholds that hold, and classifiers that a user teaches."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the fit is scikit-learn's (train extra)")

from unforge.errors import UsageError, WeightsError
from unforge.moderate import checks, taught
from unforge.moderate.checks import Setup
from unforge.moderate.item import Item
from unforge.moderate.linear import Form
from unforge.moderate.ngrams import Group
from unforge.train.recipes import spam
from unforge.train.text import fit, listings, material
from unforge.train.text.fit import Plan, conformal
from unforge.train.text.material import Sentence

GROUPS = (
    Group("base", "character", 3),
    Group("joined", "chinese", 3),
    Group("pinyin", "token", 3),
    Group("sounds", "token", 2),
    Group("bag", "token", 1),
    Group("lexicon", "token", 1),
)


def made(seed: int, each: int) -> list[Sentence]:
    both = (listings.CALIBRATION, listings.MEASURED)
    rng = np.random.default_rng(seed)
    found = [one for patterns in both for one in listings.sentences(patterns, each, rng)]
    return list({one.text: one for one in found}.values())


def test_the_threshold_keeps_its_promise_19_times_in_20() -> None:
    rng = np.random.default_rng(5)
    kept = [(rng.random(5000) > conformal(rng.random(400), 0.05)).mean() <= 0.05 + 0.003 for _ in range(400)]
    assert 0.93 <= np.mean(kept) < 1.0


def test_a_threshold_that_few_texts_cannot_carry_is_refused() -> None:
    with pytest.raises(UsageError, match="299"):
        conformal(np.zeros(298), 0.01)
    assert conformal(np.arange(299.0), 0.01) == 298.0


def test_more_views_do_not_raise_the_false_alarms() -> None:
    teaching, holding, measured = made(1, 3), made(2, 12), made(3, 12)
    for most in range(1, len(GROUPS) + 1):
        model = fit.fit(teaching, Plan(Form(GROUPS[:most], 1 << 14, 80, 40), 0.1, ("homophone",)))
        clean = [[one.text for one in part if not one.bad] for part in (holding, measured)]
        threshold = conformal(fit.scores(model, clean[0]), 0.05)
        false = fit.scores(model, clean[1]) > threshold
        assert false.mean() <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / len(false))
        assert (fit.scores(model, [one.text for one in measured if one.bad]) > threshold).mean() > 0.5


def test_the_same_texts_teach_the_same() -> None:
    plan = Plan(Form(GROUPS[:2], 1 << 12, 80, 40), 0.1, ("emoji",))
    assert fit.fit(made(1, 1), plan).to_file() == fit.fit(made(1, 1), plan).to_file()


def test_one_kind_alone_teaches_nothing() -> None:
    with pytest.raises(UsageError, match="good and bad"):
        fit.fit([Sentence("a", True)], Plan(Form(GROUPS[:1], 64, 8, 4), 1.0))


def test_a_sentence_stays_on_its_side() -> None:
    sentences = made(1, 2)
    parts = material.parted(sentences, {False: 20, True: 10}, {False: 9, True: 5})
    again = material.parted(sentences[::-1], {False: 20, True: 10}, {False: 9, True: 5})
    assert parts == again
    sides = [{one.text for one in part} for part in (parts.train, parts.calibration, parts.test)]
    assert not sides[0] & sides[1]
    assert not sides[2] & (sides[0] | sides[1])
    assert sum(map(len, sides)) == len(sentences)


def test_a_user_teaches_spam_and_hands_it_to_the_check(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    ham = [f"{a}{b}很好用第{n}次买" for n, (a, b) in enumerate(rng.choice(listings.GOODS, (1100, 2)).tolist())]
    bad = [f"{a}加{b}刷单日结{n}" for n, (a, b) in enumerate(rng.choice(listings.GOODS, (1100, 2)).tolist())]
    (tmp_path / "ham_train.txt").write_text("\n".join(" ".join(text) for text in ham), "utf-8")
    (tmp_path / "spam_train.txt").write_text("\n".join(bad), "utf-8")
    out = spam.main(tmp_path, tmp_path / "out")
    check = checks.load("spam", Setup(options={"spam": str(out)}))
    answers = [check.examine(Item("text", text=text)) for text in ("键盘加吉他刷单日结7", "帐篷很好用")]
    assert answers[0].llr >= float(answers[0].facts["llr_manipulated"])
    assert answers[1].llr < 0.0
    taught.of_folder.cache_clear()
    (out / "spam.npz").write_bytes((out / "spam.npz").read_bytes()[:-1])
    with pytest.raises(WeightsError, match="train it again"):
        checks.load("spam", Setup(options={"spam": str(out)}))


def test_too_few_texts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"ham_train\.txt|spam_train\.txt"):
        spam.main(tmp_path, tmp_path)
    for name in ("ham_train.txt", "spam_train.txt"):
        (tmp_path / name).write_text(f"one text of {name}\n", "utf-8")
    with pytest.raises(UsageError, match="1000 different texts"):
        spam.main(tmp_path, tmp_path)
