"""Trains the network that finds number plates (`oberih.trust.redaction.plates`) and writes its weights.

    python -m venv build/train
    build/train/bin/pip install jax optax onnx numpy pillow opencv-python-headless scikit-image scikit-learn
    build/train/bin/python scripts/train_plates.py --out src/oberih/trust/redaction/weights/plates.onnx

About an hour on two cores. Not part of Oberih's own environment: whoever uses the weights needs none of this.
The net is made for processors: plain 3 x 3 convolutions, most of them at an eighth of the resolution.
"""

import argparse
import multiprocessing
import time
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

# name: kernel, channels in, channels out. The last gives four cells (2 x 2) for each place.
LAYERS = {
    "c1": (3, 3, 12), "c2": (3, 12, 20), "c3": (3, 20, 32), "c4": (3, 32, 32), "d1": (3, 32, 40),
    "d2": (3, 40, 40), "d3": (1, 40, 32), "c5": (3, 32, 32), "c6": (3, 32, 32), "out": (3, 32, 4),
}  # fmt: skip
BATCH, REUSED = 32, 4  # examples in a step; how often one is seen, each time in another light
POOL = 4096  # examples at hand
RATE = 2e-3
RARE = 3.0  # weight of a plate's cells against the others
DOUBT = -3.0  # logit to begin with: most of the world is no plate

Weights = dict[str, NDArray[np.float32]]
Batch = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--out", type=Path, required=True, help="plates.onnx")
    parser.add_argument("--resume", type=Path, help="weights (.npz) to start from, as left beside --out")
    options = parser.parse_args()
    weights = trained(options.steps, options.resume, options.out.with_suffix(".npz"))
    write_onnx(weights, options.out)


def drawn(seed: int, queue: "Queue[Batch]") -> None:
    """In a process of its own: draw examples for ever."""
    import cv2

    from plate_pictures import example

    cv2.setNumThreads(1)
    rng = np.random.default_rng(seed)
    while True:
        made = [example(rng) for _ in range(BATCH // REUSED)]
        queue.put(
            tuple(
                np.stack(part) for part in zip(*((e.picture, e.plate, e.weight) for e in made), strict=True)
            )
        )


def relit(pictures: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.float32]:
    """Other light, colours and noise: -1..1."""
    count = len(pictures)
    scaled = pictures.astype(np.float32) / 127.5 - 1
    scaled = scaled * rng.uniform(0.7, 1.2, (count, 1, 1, 3)) + rng.uniform(-0.2, 0.2, (count, 1, 1, 1))
    scaled += rng.normal(0, 1, scaled.shape) * rng.uniform(0, 0.06, (count, 1, 1, 1))
    return np.clip(scaled, -1, 1).astype(np.float32)


def trained(steps: int, resume: Path | None, left: Path) -> Weights:
    import jax
    import jax.numpy as jnp
    import optax

    def convolved(x: Any, weights: Any, name: str, stride: int = 1) -> Any:
        side = LAYERS[name][0] // 2
        layout = ("NHWC", "HWIO", "NHWC")
        made = jax.lax.conv_general_dilated(
            x, weights[name + "w"], (stride, stride), [(side, side)] * 2, dimension_numbers=layout
        )
        return made + weights[name + "b"]

    def logits(weights: Any, x: Any) -> Any:
        relu = jax.nn.relu
        for name in ("c1", "c2", "c3"):
            x = relu(convolved(x, weights, name, 2))
        near = relu(convolved(x, weights, "c4"))
        wide = relu(convolved(relu(convolved(near, weights, "d1", 2)), weights, "d2"))
        wide = jnp.repeat(jnp.repeat(convolved(wide, weights, "d3"), 2, 1), 2, 2)
        both = relu(convolved(relu(near + wide), weights, "c5"))
        out = convolved(relu(convolved(both, weights, "c6")), weights, "out")
        n, rows, columns, _ = out.shape
        return out.reshape(n, rows, columns, 2, 2).transpose(0, 1, 3, 2, 4).reshape(n, 2 * rows, 2 * columns)

    def loss(weights: Any, x: Any, truth: Any, asked: Any) -> Any:
        """Cross entropy where it is still wrong (Lin et al., Focal loss, 2017, with exponent 1)."""
        told = logits(weights, x)
        wrong = jnp.abs(jax.nn.sigmoid(told) - truth)
        asked = asked * jnp.where(truth > 0.5, RARE, 1.0)
        return (optax.sigmoid_binary_cross_entropy(told, truth) * wrong * asked).sum() / asked.sum() * 10

    optimiser = optax.adamw(optax.cosine_decay_schedule(RATE, steps), weight_decay=1e-4)

    @jax.jit
    def step(weights: Any, state: Any, x: Any, truth: Any, asked: Any) -> Any:
        cost, slope = jax.value_and_grad(loss)(weights, x, truth, asked)
        change, state = optimiser.update(slope, state, weights)
        return optax.apply_updates(weights, change), state, cost

    start = dict(np.load(resume)) if resume else first_weights()
    weights = {name: jnp.asarray(value) for name, value in start.items()}
    state = optimiser.init(weights)
    rng, began, costs = np.random.default_rng(1), time.monotonic(), []
    for number, (pictures, truth, asked) in enumerate(batches(steps, rng), 1):
        weights, state, cost = step(weights, state, relit(pictures, rng), truth, asked)
        costs.append(float(cost))
        if number % 100 == 0:
            print(f"{number} {np.mean(costs):.4f} {time.monotonic() - began:.0f} s", flush=True)
            costs = []
            np.savez(left, **{name: np.asarray(value) for name, value in weights.items()})
    return {name: np.asarray(value) for name, value in weights.items()}


def first_weights() -> Weights:
    """He et al., Delving Deep into Rectifiers, 2015."""
    rng, weights = np.random.default_rng(0), {}
    for name, (side, inner, outer) in LAYERS.items():
        spread = np.sqrt(2 / (side * side * inner)) * (0.5 if name == "out" else 1)
        weights[name + "w"] = (rng.normal(0, spread, (side, side, inner, outer))).astype(np.float32)
        weights[name + "b"] = np.full(outer, DOUBT if name == "out" else 0, np.float32)
    return weights


def batches(steps: int, rng: np.random.Generator) -> Any:
    """Examples from a pool whose oldest are replaced as new ones are drawn."""
    context = multiprocessing.get_context("spawn")
    queue = context.Queue(4)
    process = context.Process(target=drawn, args=(int(rng.integers(1 << 31)), queue), daemon=True)
    process.start()
    pool: list[Batch] = []
    for number in range(steps):
        while len(pool) < BATCH or number >= len(pool) // (BATCH // REUSED):
            fresh = list(zip(*queue.get(), strict=True))
            pool = (pool + fresh)[-POOL:]
            if len(pool) == POOL:
                break
        chosen = [pool[n] for n in rng.integers(0, len(pool), BATCH)]
        yield tuple(np.stack(part) for part in zip(*chosen, strict=True))
    process.terminate()


def write_onnx(weights: Weights, path: Path) -> None:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes, held = [], []

    def convolution(source: str, name: str, target: str, stride: int = 1, *, relu: bool = True) -> None:
        side = LAYERS[name][0]
        held.append(
            numpy_helper.from_array(
                np.ascontiguousarray(weights[name + "w"].transpose(3, 2, 0, 1)), name + "w"
            )
        )
        held.append(numpy_helper.from_array(weights[name + "b"], name + "b"))
        nodes.append(helper.make_node(
            "Conv", [source, name + "w", name + "b"], [target + "_" if relu else target],
            kernel_shape=[side, side], strides=[stride, stride], pads=[side // 2] * 4,
        ))  # fmt: skip
        if relu:
            nodes.append(helper.make_node("Relu", [target + "_"], [target]))

    convolution("input", "c1", "x1", 2)
    convolution("x1", "c2", "x2", 2)
    convolution("x2", "c3", "x3", 2)
    convolution("x3", "c4", "near")
    convolution("near", "d1", "w1", 2)
    convolution("w1", "d2", "w2")
    convolution("w2", "d3", "w3", relu=False)
    held.append(numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "twice"))
    nodes.append(helper.make_node(
        "Resize", ["w3", "", "twice"], ["wide"], mode="nearest", nearest_mode="floor",
        coordinate_transformation_mode="asymmetric",
    ))  # fmt: skip
    nodes.append(helper.make_node("Add", ["near", "wide"], ["sum"]))
    nodes.append(helper.make_node("Relu", ["sum"], ["both"]))
    convolution("both", "c5", "b1")
    convolution("b1", "c6", "b2")
    convolution("b2", "out", "told", relu=False)
    nodes.append(helper.make_node("Sigmoid", ["told"], ["output"]))
    graph = helper.make_graph(
        nodes, "plates",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, "height", "width"])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 4, "rows", "columns"])], held,
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)


if __name__ == "__main__":
    main()
