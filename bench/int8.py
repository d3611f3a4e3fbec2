"""What eight bits would cost and give: `finegrained` as static int8 (QDQ) against the file that ships: a record.

    python bench/int8.py --data DIR [--rounds 40] [--out results]

Scales are set on untouched stills of the training split; forgeries of validation stills are ranked by both. Needs the
extra `train` (onnx). Source of the form: Jacob et al., CVPR 2018.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from unforge import __version__, weights
from unforge.bench import figures, forgeries, material, network
from unforge.bench.network import Network
from unforge.bench.record import Record, Value, host
from unforge.media.write import atomic_write
from unforge.train import fakes

FAMILY, SEED, SCALED_ON = "self_blend", 0, 64


class Views(CalibrationDataReader):  # type: ignore[misc]  # the library has no types
    """Pictures, one at a time, as the library asks for them."""

    def __init__(self, views: list[NDArray[np.uint8]]) -> None:
        self._left: Iterator[NDArray[np.uint8]] = iter(views)

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        view = next(self._left, None)
        return None if view is None else {"rgb": view.transpose(2, 0, 1)[None].astype(np.float32)}


def quantized(own: Network, views: list[NDArray[np.uint8]]) -> bytes:
    """The file with weights and activations in eight bits, norms folded into convolutions before that."""
    with tempfile.TemporaryDirectory() as folder:
        fused, ready, small = (Path(folder) / f"{name}.onnx" for name in ("fused", "ready", "small"))
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(fused)
        onnxruntime.InferenceSession(own.content, options, providers=["CPUExecutionProvider"])
        quant_pre_process(str(fused), str(ready), skip_symbolic_shape=True)
        quantize_static(
            str(ready),
            str(small),
            Views(views),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        return small.read_bytes()


def seconds(networks: list[Network], view: NDArray[np.uint8], rounds: int) -> list[list[float]]:
    """Of one face on one thread; the networks take turns."""
    found: list[list[float]] = [[] for _ in networks]
    for _ in range(rounds):
        for one, times in zip(networks, found, strict=True):
            started = time.perf_counter()
            one.ask([view])
            times.append(time.perf_counter() - started)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--out", type=Path, default=Path("results"))
    given = parser.parse_args()
    own = network.packaged("finegrained")
    view = forgeries.view_of(own)
    known = forgeries.forged(forgeries.stills(given.data, "train"), view, (FAMILY,))
    scaled_on = [pair.real for pair in known.pairs[:SCALED_ON]]
    small = Network(own.card, quantized(own, scaled_on))
    made = forgeries.forged(forgeries.stills(given.data, "val"), view, fakes.available())
    labels = np.repeat([False, True], len(made.pairs))
    scores = [forgeries.scores(one, made.pairs) for one in (own, small)]
    gaps = np.abs(scores[1] - scores[0])
    rows: dict[str, dict[str, Value]] = {}
    for name, one, of_one, times in zip(
        ("float32", "int8"), (own, small), scores, seconds([own, small], made.pairs[0].fake, given.rounds), strict=True
    ):
        low, middle, high = (1e3 * float(np.quantile(times, q)) for q in (0.0, 0.5, 1.0))
        rows[name] = {
            "auc": figures.auc(of_one, labels),
            "ms_per_face": Value(round(middle, 2), round(low, 2), round(high, 2), given.rounds),
            "kilobytes": Value(round(len(one.content) / 1024), None, None, 1),
        }
    rows["int8"] |= {
        "logit_difference": figures.mean(gaps),
        "largest_logit_difference": Value(round(float(gaps.max()), 3), None, None, len(gaps)),
        "auc_change": figures.auc_difference(scores[1], scores[0], labels),
    }
    record = Record(
        name="int8",
        protocol="int8",
        split="val",
        rows=rows,
        manifest_sha256=material.sha256(given.data),
        weights={"finegrained": weights.card("finegrained").sha256},
        version=__version__,
        date=time.strftime("%Y-%m-%d", time.gmtime()),
        host=host(),
        seed=SEED,
        settings={
            "pairs": len(made.pairs),
            "rounds": given.rounds,
            "figures": "95 % bootstrap intervals; of ms_per_face (one thread) median, minimum and maximum over rounds",
        },
    )
    given.out.mkdir(exist_ok=True)
    atomic_write(given.out / "int8.json", record.to_json().encode())
    print(record.to_json())


if __name__ == "__main__":
    main()
