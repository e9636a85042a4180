"""Domains: axes, boxes and shapes, their walls, and the points that are sampled from them."""

# Axes
from pinnkit.domains.level_set.region import Region as Region
from pinnkit.domains.primitives.capsule import Capsule as Capsule
from pinnkit.domains.primitives.cone import Cone as Cone
from pinnkit.domains.primitives.cylinder import Cylinder as Cylinder
from pinnkit.domains.primitives.ellipse import Ellipse as Ellipse
from pinnkit.domains.primitives.halfspace import Halfspace as Halfspace
from pinnkit.domains.primitives.mesh_region import MeshRegion as MeshRegion
from pinnkit.domains.primitives.polygon import Polygon as Polygon
from pinnkit.domains.primitives.polygon import Triangle as Triangle
from pinnkit.domains.primitives.torus import Torus as Torus

# Walls of shapes of the plane
from pinnkit.domains.shapes.curves import Arc as Arc
from pinnkit.domains.shapes.curves import Curve as Curve
from pinnkit.domains.shapes.curves import EllipticalArc as EllipticalArc
from pinnkit.domains.shapes.curves import Segment as Segment
from pinnkit.domains.shapes.outline import Corner as Corner
from pinnkit.domains.shapes.outline import Hole as Hole
from pinnkit.domains.shapes.outline import Outline as Outline

from .axes import RESERVED as RESERVED
from .axes import Axis as Axis
from .axes import Role as Role
from .axes import bounds as bounds
from .axes import columns as columns
from .axes import space_columns as space_columns

# Shapes and their factors
from .ball import Ball as Ball
from .ball import Disk as Disk
from .box import Box as Box
from .box import Interval as Interval
from .combination import Difference as Difference
from .combination import Intersection as Intersection
from .combination import Operand as Operand
from .combination import Union as Union
from .faces import Faces as Faces
from .factors import Cube as Cube
from .factors import Parameters as Parameters
from .factors import Time as Time
from .moved import Moved as Moved
from .plane_walls import wall_curves as wall_curves
from .point_set import PointSet as PointSet

# Points and their layout
from .points import Points as Points
from .points import check_group as check_group
from .product import SHAPES as SHAPES
from .product import Boundary as Boundary
from .product import CrossSection as CrossSection
from .product import Product as Product
from .product import Shape as Shape
from .product import ShapeWall as ShapeWall
from .protocols import Domain as Domain
from .protocols import InTime as InTime
from .protocols import Part as Part
from .protocols import SignedDistance as SignedDistance
from .quadrature import gauss_rule as gauss_rule
from .sampling import DEFAULT_SAMPLING as DEFAULT_SAMPLING
from .sampling import Chebyshev as Chebyshev
from .sampling import Sampling as Sampling
from .sampling import Sobol as Sobol
from .sampling import Uniform as Uniform
from .serialization import domain_from_dict as domain_from_dict
from .serialization import domain_to_dict as domain_to_dict
