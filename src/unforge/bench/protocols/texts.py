"""`texts`: whether insults, spam and contact adverts are found however they are written, at one threshold each.

Insults: the classifier in the wheel beside characters as they came (the same fit on the same 2,000 sentences, nothing
undone), on sentences of ToxiBenchCN that taught neither and on what others made of them. The threshold is set on clean
sentences held out for it; `fpr` is what it lets through on others, and `tpr_at_wanted_fpr` takes the threshold that
these would have wanted, so that two classifiers are compared at the same false alarms. Rows `clean, ...` are clean
sentences in our own disguises: whoever writes oddly is not thereby insulting.

Spam: fitted here on reviews of which each text counts once. The rows `unlike any that taught` leave out texts that
share a third or more of their characters in threes with one that taught. Contact adverts are of our own making, by
patterns that calibrated nothing, and are the only rows that say less about the world than about us.
"""

import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unforge import metrics, weights
from unforge.bench import figures, material
from unforge.bench.protocols import OnProgress
from unforge.bench.record import Record, Value, of_today
from unforge.errors import UsageError
from unforge.moderate import checks, taught
from unforge.moderate.checks import Setup
from unforge.moderate.item import Item
from unforge.moderate.linear import Linear
from unforge.moderate.ngrams import Group
from unforge.train.recipes import contact, spam, toxic
from unforge.train.text import fit, listings
from unforge.train.text import material as sentences
from unforge.train.text.fit import CALIBRATED
from unforge.train.text.material import PERTURBED, Parts, Sentence

EACH = 20  # made sentences of a pattern
TIMED = 300  # sentences
ALIKE = 1 / 3
SEED = 11
PLAIN, VIEWS = "characters", "views"

Floats = NDArray[np.float64]
Rows = Iterator[tuple[str, dict[str, Value]]]


@dataclass(frozen=True, slots=True)
class Line:
    """A classifier with its threshold, and what it scores on clean texts that set neither.

    wanted: the share of clean texts that the threshold should let through at most.
    """

    name: str
    model: Linear
    threshold: float
    clean: Floats
    wanted: float

    def against_clean(self, bad: Floats) -> dict[str, Value]:
        """Bad texts above the threshold, clean ones above it, and how well the two are told apart without one."""
        labels = np.repeat([False, True], [len(self.clean), len(bad)])
        scores = np.concatenate([self.clean, bad])
        return {
            "tpr": _above(bad, self.threshold),
            "fpr": _above(self.clean, self.threshold),
            "tpr_at_wanted_fpr": figures.bootstrapped(
                lambda drawn: metrics.tpr_at_fpr(scores[drawn], labels[drawn], self.wanted), labels
            ),
            "auc": figures.auc(scores, labels),
        }


def run(
    examiners: Sequence[str] | None,
    data: Path | None,
    split: str = "val",
    on_progress: OnProgress | None = None,
    *,
    peers: Sequence[str] = (),
    listed: Path | None = None,
) -> Record:
    """Fit what is not in the wheel, and measure. Raises UsageError without the texts."""
    material.no_list("texts", listed)
    material.no_peers("texts", peers)
    if data is None or examiners is not None:
        raise UsageError("texts: expected a folder with text/cntp (--data DIR) and no choice of examiners")
    said = on_progress or (lambda words, share: None)
    rows: dict[str, dict[str, Value]] = {}
    said("insults", 0.0)
    parts = toxic.split(data)
    rows |= dict(_insults(parts))
    said("contact adverts", 0.3)
    rows |= dict(_adverts(parts))
    said("time", 0.35)
    rows |= dict(_times([one.text for one in parts.test[:TIMED]]))
    if (data / sentences.STONESKIPPING).is_dir():
        said("spam", 0.4)
        rows |= dict(_spam(spam.split(data)))
    return of_today(
        name=f"texts-{split}",
        protocol="texts",
        split=split,
        rows=rows,
        manifest_sha256=_sha256(data),
        weights={"toxic": weights.card("toxic").sha256},
        seed=SEED,
        settings={
            "toxic_taught": len(parts.train),
            "toxic_wanted_fpr": toxic.FPR,
            "spam_wanted_fpr": spam.FPR,
            "figures": "95 % intervals: Wilson score for rates (tpr, fpr), bootstrap for the rest",
        },
    )


# Insults


def _insults(parts: Parts) -> Rows:
    texts = toxic.measured_texts(parts.test)
    plain = _line(PLAIN, fit.fit(parts.train, toxic.BASELINE), parts)
    ours = _line(VIEWS, taught.shipped("toxic").model, parts)
    found = {line.name: {name: fit.scores(line.model, texts[name]) for name in texts} for line in (plain, ours)}
    for line in (plain, ours):
        for name in ("as written", *PERTURBED):
            yield f"insults, {line.name}: {name}", line.against_clean(found[line.name][name])
        hits = _hits(line, parts.test)
        yield f"insults, {line.name}: mean of the {len(PERTURBED)}", {"tpr": figures.mean(hits)} | _fpr(line)
    gain = _hits(ours, parts.test) - _hits(plain, parts.test)
    yield f"insults, {VIEWS} less {PLAIN}: mean of the {len(PERTURBED)}", {"tpr": figures.mean(gain)}
    rng = np.random.default_rng(SEED)
    for name in CALIBRATED:
        odd = [one.disguised(name, rng) for one in parts.test if not one.bad]
        for line in (plain, ours):
            yield f"clean, {line.name}: {name}", {"fpr": _above(fit.scores(line.model, odd), line.threshold)}


def _line(name: str, model: Linear, parts: Parts) -> Line:
    clean = fit.scores(model, [one.text for one in parts.test if not one.bad])
    return Line(name, model, toxic.threshold(model, parts), clean, toxic.FPR)


def _hits(line: Line, test: Sequence[Sentence]) -> Floats:
    """Of each bad sentence that was written otherwise in every way, the share of ways in which it is found."""
    whole = [one for one in test if one.bad and len(one.written) == len(PERTURBED)]
    found = [fit.scores(line.model, [one.written[name] for one in whole]) > line.threshold for name in PERTURBED]
    return np.asarray(np.mean(found, axis=0), np.float64)


# Contact adverts


def _adverts(parts: Parts) -> Rows:
    rng = np.random.default_rng(SEED)
    made = listings.sentences(listings.MEASURED, EACH, rng)
    adverts = [one for one in made if one.bad]
    listed = _called([one.text for one in made if not one.bad])
    yield "contact: adverts as written", {"tpr": _called([one.text for one in adverts]), "fpr": listed}
    for name in contact.DISGUISES:
        texts = [one.disguised(name, rng) for one in adverts]
        yield f"contact: adverts, {name}", {"tpr": _called(texts), "fpr": listed}
    yield "contact: forum sentences", {"fpr": _called([one.text for one in parts.test if not one.bad])}


def _called(texts: Sequence[str]) -> Value:
    """The share of texts in which the check finds a call to get in touch."""
    check = checks.load("contact", Setup())
    found = [check.examine(Item("text", text=text)) for text in texts]
    hits = np.array([one.llr >= float(one.facts["llr_manipulated"]) for one in found])
    return figures.rate(hits, np.ones(len(hits), np.bool_))


# Spam


def _spam(parts: Parts) -> Rows:
    plain = replace(spam.PLAN, form=replace(spam.PLAN.form, groups=(Group("base", "character", 3),)))
    unlike = ~_alike([one.text for one in parts.test], [one.text for one in parts.train])
    bad = np.array([one.bad for one in parts.test])
    for name, plan in ((PLAIN, plain), (VIEWS, spam.PLAN)):
        model = fit.fit(parts.train, plan)
        threshold = spam.threshold(model, parts)
        scores = fit.scores(model, [one.text for one in parts.test])
        yield f"spam, {name}", Line(name, model, threshold, scores[~bad], spam.FPR).against_clean(scores[bad])
        line = Line(name, model, threshold, scores[~bad & unlike], spam.FPR)
        yield f"spam, {name}: unlike any that taught", line.against_clean(scores[bad & unlike])


def _alike(texts: Sequence[str], others: Sequence[str]) -> NDArray[np.bool_]:
    """(N,) whether a text shares a third or more of its characters in threes with one of the others."""
    known: dict[str, list[int]] = {}
    for n, other in enumerate(others):
        for three in _threes(other):
            known.setdefault(three, []).append(n)
    found = []
    for text in texts:
        threes = _threes(text)
        shared = np.bincount(np.array([n for three in threes for n in known.get(three, ())], np.intp), minlength=1)
        found.append(bool(shared.max() >= ALIKE * len(threes)))
    return np.array(found, np.bool_)


def _threes(text: str) -> set[str]:
    return {text[at : at + 3] for at in range(max(1, len(text) - 2))}


# Figures


def _times(texts: Sequence[str]) -> Rows:
    """What a check takes for a sentence, one thread, everything loaded."""
    for name in ("toxic", "contact"):
        check = checks.load(name, Setup())
        check.examine(Item("first", text=texts[0]))
        taken_ms = []
        for text in texts:
            item, begun = Item("text", text=text), time.perf_counter()
            check.examine(item)
            taken_ms.append(1e3 * (time.perf_counter() - begun))
        yield f"time: {name}", {"median_ms": _median(np.array(taken_ms))}


def _median(times: Floats) -> Value:
    return figures.bootstrapped(lambda drawn: float(np.median(times[drawn])), np.zeros(len(times)))


def _above(scores: Floats, threshold: float) -> Value:
    return figures.rate(scores > threshold, np.ones(len(scores), np.bool_))


def _fpr(line: Line) -> dict[str, Value]:
    return {"fpr": _above(line.clean, line.threshold)}


def _sha256(data: Path) -> str:
    """Of the names and contents of all texts."""
    found = hashlib.sha256()
    for folder in (sentences.CNTP, sentences.STONESKIPPING):
        for path in sorted((data / folder).glob("*")):
            found.update(path.name.encode() + path.read_bytes())
    return found.hexdigest()
