"""Scene: posed pictures of one thing, some to train on and some held out, and the box that it is in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pinnkit.domains import Box

from .backgrounds import BLACK, AnyColour, Background, Plain
from .cameras import Camera
from .contraction import Contraction

__all__ = ["Scene", "View", "box_around", "corners", "size"]


@dataclass(frozen=True, eq=False)
class View:
    """One posed picture.

    Args:
        name: of its file.
        camera: how it was taken; of the same size as the picture.
        image: uint8 `(H, W, 3)`, or `(H, W, 4)` with straight alpha (not premultiplied).
        depth: float32 `(H, W)`, depth along the optical axis, inf where there is nothing; None when it is not known.
        normals: float32 `(H, W, 3)`, unit and in the world, zero where there is nothing; None when not known.

    Raises:
        ValueError: for an image of another type or of another size than the camera's.
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
        """Opacity `(H, W)`, float32 in [0, 1]; 1 everywhere for a picture without alpha."""
        if self.image.shape[2] == 3:
            return torch.ones(self.image.shape[:2])
        return self.image[..., 3].float() / 255

    def over(self, background: Sequence[float]) -> Tensor:
        """The picture over one colour, `(H, W, 3)` float32 in [0, 1]."""
        alpha = self.alpha[..., None]
        return self.rgb * alpha + (1 - alpha) * torch.tensor(background, dtype=torch.float32)


@dataclass(frozen=True, eq=False)
class Scene:
    """Views of a scene.

    Args:
        name: of its folder or file.
        train: the views to learn from.
        test: the views held out; none of them is ever trained on.
        box: where the scene is, axes x, y and z in the units of the poses.
        background: colour behind the scene where pictures are transparent or rays leave the box, or None: not known.
        samples: a pixel is the mean of samples x samples rays; None: not known (photographs).
        notes: sentences on how the files were read.
        space: where the surroundings are to be seen too, all of space is contracted to the box, which is then
            `space.box`; None: there is nothing outside the box.

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
    space: Contraction | None = None

    def __post_init__(self) -> None:
        if not self.train:
            raise ValueError(f"Scene '{self.name}': there must be at least one view to train on, got none")

    @property
    def has_alpha(self) -> bool:
        """Whether every training picture has an alpha channel that is not 1 everywhere."""
        return all(view.image.shape[2] == 4 for view in self.train) and any(
            bool((view.image[..., 3] < 255).any()) for view in self.train
        )

    @property
    def behind(self) -> Background:
        """What training puts behind the scene.

        A random colour for every ray where pictures are transparent, so that what is transparent must become empty;
        else the scene's background, or black.
        """
        if self.has_alpha:
            return AnyColour()
        return BLACK if self.background is None else Plain(self.background)

    @property
    def size(self) -> float:
        """The diagonal of the box: the length that steps and depth errors are measured in."""
        return size(self.box)

    def with_box(self, box: Box) -> Scene:
        """The same scene in another box."""
        return replace(self, box=box)


def corners(box: Box) -> tuple[Tensor, Tensor]:
    """Lower and upper corner `(3,)` of a box of axes x, y and z, float64."""
    axes = box.axes[:3]
    return (
        torch.tensor([axis.lower for axis in axes], dtype=torch.float64),
        torch.tensor([axis.upper for axis in axes], dtype=torch.float64),
    )


def size(box: Box) -> float:
    """The length of the diagonal of a box."""
    lower, upper = corners(box)
    return float((upper - lower).norm())


def box_around(lower: Sequence[float] | Tensor, upper: Sequence[float] | Tensor) -> Box:
    """The box of axes x, y and z with these corners."""
    sides = [(float(a), float(b)) for a, b in zip(lower, upper, strict=True)]
    return Box(x=sides[0], y=sides[1], z=sides[2])
