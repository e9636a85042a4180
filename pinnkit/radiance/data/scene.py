"""Scenes: posed pictures for training and evaluation, with a bounding box."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pinnkit.domains import Box

from .backgrounds import BLACK, Background, ConstantBackground, RandomBackground
from .cameras import Camera
from .contraction import Contraction

__all__ = ["Scene", "View", "box_diagonal", "box_from_corners", "corners"]


@dataclass(frozen=True, eq=False)
class View:
    """Posed picture.

    Args:
        name: name of its file.
        camera: camera of the same size as the picture.
        image: uint8 `(H, W, 3)`, or `(H, W, 4)` with straight alpha (not premultiplied).
        depth: float32 `(H, W)`, depth along the optical axis, inf for background; None when unknown.
        normals: float32 `(H, W, 3)`, unit vectors in world coordinates, zero for background; None when unknown.

    Raises:
        ValueError: for an image of another type or size than the camera.
    """

    name: str
    camera: Camera
    image: Tensor
    depth: Tensor | None = None
    normals: Tensor | None = None

    def __post_init__(self) -> None:
        wanted = (self.camera.height, self.camera.width)
        shape = tuple(self.image.shape)
        if self.image.dtype != torch.uint8 or shape[:2] != wanted or len(shape) != 3 or shape[2] not in (3, 4):
            raise ValueError(
                f"View '{self.name}': `image` must be uint8 {wanted} with 3 or 4 channels, as the camera says, "
                f"got {self.image.dtype} {shape}"
            )

    @property
    def rgb(self) -> Tensor:
        """Straight colours `(H, W, 3)`, float32 in [0, 1]."""
        return self.image[..., :3].float() / 255

    @property
    def alpha(self) -> Tensor:
        """Opacity `(H, W)`, float32 in [0, 1]; 1 for a picture without alpha."""
        if self.image.shape[2] == 3:
            return torch.ones(self.image.shape[:2])
        return self.image[..., 3].float() / 255

    def over(self, background: Sequence[float]) -> Tensor:
        """Composite the picture over one colour, `(H, W, 3)` float32 in [0, 1]."""
        alpha = self.alpha[..., None]
        return self.rgb * alpha + (1 - alpha) * torch.tensor(background, dtype=torch.float32)


@dataclass(frozen=True, eq=False)
class Scene:
    """Views of a scene.

    Args:
        name: name of its folder or file.
        train: training views.
        test: held-out views, never used for training.
        box: bounding box with axes x, y and z in the units of the poses.
        background: colour behind the scene for transparent pixels and rays that leave the box; None when unknown.
        samples: a pixel is the mean of samples x samples rays; None when unknown (photographs).
        notes: sentences on the reading of the files.
        contraction: contraction of all space to the box, for scenes with surroundings (`box` is then
            `contraction.box`); None for a bounded scene.

    Raises:
        ValueError: without a training view.
    """

    name: str
    train: tuple[View, ...]
    test: tuple[View, ...]
    box: Box
    background: tuple[float, float, float] | None = None
    samples: int | None = None
    notes: tuple[str, ...] = ()
    contraction: Contraction | None = None

    def __post_init__(self) -> None:
        if not self.train:
            raise ValueError(f"Scene '{self.name}': there must be at least one view to train on, got none")

    @property
    def has_alpha(self) -> bool:
        """True if every training picture has alpha, and some alpha is below 1."""
        return all(view.image.shape[2] == 4 for view in self.train) and any(
            bool((view.image[..., 3] < 255).any()) for view in self.train
        )

    @property
    def training_background(self) -> Background:
        """Background behind the scene during training.

        A random colour per ray for transparent pictures, which forces transparent regions to be empty; otherwise the
        background of the scene, or black.
        """
        if self.has_alpha:
            return RandomBackground()
        return BLACK if self.background is None else ConstantBackground(self.background)

    @property
    def diagonal(self) -> float:
        """Diagonal of the box: the unit of step sizes and depth errors."""
        return box_diagonal(self.box)

    def with_box(self, box: Box) -> Scene:
        """The scene with another box."""
        return replace(self, box=box)


def corners(box: Box) -> tuple[Tensor, Tensor]:
    """Lower and upper corner `(3,)` of a box with axes x, y and z, float64."""
    axes = box.axes[:3]
    return (
        torch.tensor([axis.lower for axis in axes], dtype=torch.float64),
        torch.tensor([axis.upper for axis in axes], dtype=torch.float64),
    )


def box_diagonal(box: Box) -> float:
    """Length of the diagonal of a box."""
    lower, upper = corners(box)
    return float((upper - lower).norm())


def box_from_corners(lower: Sequence[float] | Tensor, upper: Sequence[float] | Tensor) -> Box:
    """Box with axes x, y and z between two corners."""
    sides = [(float(a), float(b)) for a, b in zip(lower, upper, strict=True)]
    return Box(x=sides[0], y=sides[1], z=sides[2])
