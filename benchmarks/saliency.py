"""Maps of what a network looks at, computed apart from the model's own evidence.

They are made in numpy from the feature maps `[V,C,g,g]` of a saved model, its ONNX graph being run
with the trunks' outputs exposed. A saliency is `[H,W]` over the picture: the larger, the more the
answer is said to rest on it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from PIL import Image

from tellapart.backbones.graph import VIEWS
from tellapart.backbones.runtime import open_session
from tellapart.explain.changes import Blur
from tellapart.explain.regions import Region
from tellapart.model.classifier import Classifier
from tellapart.workers.local import Each, batches_of, local_map

WINDOW, STEP = 0.25, 0.125  # of the sides: how large the occlusions are, and how far apart


@dataclass(frozen=True)
class Features:
    """What one trunk saw of one picture: `maps` `[V,C,g,g]` by view, and the head's weights for
    its channels `[K,C]`, divided by the number of views."""

    maps: np.ndarray
    weights: np.ndarray


class Exposed:
    """A model whose trunks' feature maps can be read."""

    def __init__(self, classifier: Classifier) -> None:
        model = onnx.load_from_string(classifier.content)
        constants = {one.name: one for one in model.graph.initializer}
        self.views = classifier.manifest.views
        self.names, self.weights = [], []
        for node in model.graph.node:
            if node.op_type == "Conv" and node.output[0].startswith("tellapart/evidence/"):
                self.names.append(node.input[0])
                kernel = onnx.numpy_helper.to_array(constants[node.input[1]])
                self.weights.append(kernel[:, :, 0, 0])
                value = onnx.helper.make_tensor_value_info(
                    node.input[0], onnx.TensorProto.FLOAT, None
                )
                model.graph.output.append(value)
        self.session = open_session(model.SerializeToString())

    def features(self, pixels: np.ndarray) -> list[Features]:
        """The feature maps of one picture uint8 `[H,W,3]`, a trunk each."""
        maps = self.session.run(self.names, {"image": pixels[None]})
        return [Features(*pair) for pair in zip(maps, self.weights, strict=True)]

    def laid(
        self, pixels: np.ndarray, of_view: Callable[[Features, int], np.ndarray]
    ) -> np.ndarray:
        """The sum of maps `[g,g]` of all trunks and views, each where its view lies."""
        height, width = pixels.shape[:2]
        total = np.zeros((height, width))
        for features in self.features(pixels):
            for number, name in enumerate(self.views):
                view, values = VIEWS[name], of_view(features, number)
                values = values[:, ::-1] if view.mirrored else values
                side = min(height, width)
                down, across = (side, side) if view.geometry == "crop" else (height, width)
                top, left = (height - down) // 2, (width - across) // 2
                total[top : top + down, left : left + across] += over(values, down, across)
        return total


def over(values: np.ndarray, height: int, width: int) -> np.ndarray:
    """A map `[h,w]` over `[height,width]` pixels, by bicubic interpolation."""
    image = Image.fromarray(values.astype(np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC), np.float64)


def grad_cam(exposed: Exposed, pixels: np.ndarray, label: int) -> np.ndarray:
    """Grad-CAM (Selvaraju et al. 2017, arXiv:1610.02391), equations 1 and 2.

    A channel's weight is the mean gradient of the logit. With a mean over positions and a linear
    head that is the head's weight over the number of positions, exactly; then the sum, and ReLU,
    for every view as for a picture of its own.
    """

    def of_view(features: Features, view: int) -> np.ndarray:
        gradients = features.weights[label] / features.maps[view, 0].size
        return np.maximum(np.tensordot(gradients, features.maps[view], 1), 0)

    return exposed.laid(pixels, of_view)


def eigen_cam(exposed: Exposed, pixels: np.ndarray, label: int) -> np.ndarray:
    """Eigen-CAM (Muhammad & Yeasin 2020, arXiv:2008.00299): the features' first principal
    component, whatever the label; its sign is the one that goes with strong features."""

    def of_view(features: Features, view: int) -> np.ndarray:
        channels = features.maps[view].reshape(len(features.maps[view]), -1)
        centred = channels.T - channels.T.mean(axis=0)
        along = centred @ np.linalg.svd(centred, full_matrices=False)[2][0]
        along *= np.sign(along @ channels.sum(axis=0) - along.mean()) or 1
        return np.asarray(along.reshape(features.maps[view, 0].shape) / np.abs(along).max())

    return exposed.laid(pixels, of_view)


def occlusion(classifier: Classifier, pixels: np.ndarray, label: int) -> np.ndarray:
    """What hiding a sliding window takes from the log-odds of the label, at its places (Zeiler &
    Fergus 2014, arXiv:1311.2901). The windows are hidden as the curves hide."""
    edges = np.arange(0, 1 - WINDOW + 1e-9, STEP)
    regions = [Region(left, top, WINDOW, WINDOW) for top in edges for left in edges]
    hidden = Blur(Region(0, 0, 1, 1)).apply(pixels)
    masks = [region.mask(pixels) for region in regions]
    scores = judged(classifier, [np.where(m[..., None], hidden, pixels) for m in masks])
    before = log_odds(judged(classifier, [pixels]), label)[0]
    drops = before - log_odds(scores, label)
    total = sum(drop * mask for drop, mask in zip(drops, masks, strict=True))
    return np.asarray(total / np.maximum(sum(mask.astype(int) for mask in masks), 1))


def random_patches(lot: np.random.Generator, grid: int, pixels: np.ndarray) -> np.ndarray:
    """Smooth noise on the evidence's grid: its largest values are patches at random places."""
    return over(lot.standard_normal((grid, grid)), *pixels.shape[:2])


def log_odds(scores: np.ndarray, label: int) -> np.ndarray:
    """`[N,K]` -> log(p / (1 - p)) of a label `[N]`, the rest being summed, not subtracted."""
    rest = np.delete(scores.astype(np.float64), label, axis=1).sum(axis=1)
    return np.asarray(np.log(np.maximum(scores[:, label], 1e-12) / np.maximum(rest, 1e-12)))


def judged(classifier: Classifier, pictures: Sequence[np.ndarray]) -> np.ndarray:
    """The scores of pictures, `[N,K]`."""

    def scores(picture: np.ndarray) -> np.ndarray:
        return classifier.run(picture, ["scores"])[0]

    return np.array(list(local_map(Each(scores), batches_of(pictures, 2))))
