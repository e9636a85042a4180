"""Contradictions between the views of a capture: two pictures from one pose, or one picture from two poses."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import torch

from .scene import View

__all__ = ["contradictions"]

_SAME_POSE = 1e-6
"""Difference of two poses, relative to the spread of the cameras, up to which they are equal."""
_DIFFERENT = 0.05
"""Root mean square difference of colours in [0, 1] from which two pictures contradict each other: a change of exposure
of 5 %, or 2 % of the pixels quite different.  Noise of photographs is below 0.03."""


def contradictions(views: Sequence[View]) -> list[str]:
    """Return a sentence for each pair of views that cannot both be right, at most five, and one on the rest.

    Pairs are: equal poses and focal lengths with different pictures, and equal pictures, not of one colour, from
    different poses.
    """
    poses = torch.stack([view.camera.pose.double().flatten() for view in views])
    spread = max(float((poses - poses.mean(dim=0)).abs().max()), 1e-12)
    found = []
    for i, j in combinations(range(len(views)), 2):
        one, two = views[i], views[j]
        if one.image.shape != two.image.shape:
            continue
        same_pose = float((poses[i] - poses[j]).abs().max()) <= _SAME_POSE * spread
        if same_pose and abs(one.camera.fx - two.camera.fx) <= _SAME_POSE * one.camera.fx:
            difference = float((one.over((0.5,) * 3) - two.over((0.5,) * 3)).square().mean().sqrt())
            if difference > _DIFFERENT:
                found.append(
                    f"'{one.name}' and '{two.name}' have one pose and different pictures (root mean square "
                    f"{difference:.2f} of 1): one of them is misplaced, or the scene changed; leave one out."
                )
        elif not same_pose and torch.equal(one.image, two.image) and int(one.image.max()) > int(one.image.min()):
            found.append(
                f"'{one.name}' and '{two.name}' are one picture with two poses: one of them is wrong; leave it out."
            )
    rest = len(found) - 5
    return [*found[:5], *([f"{rest} more pairs of views contradict each other."] if rest > 0 else [])]
