"""Domains: axes, boxes and shapes, their walls, and the points that are sampled from them."""

# Axes
from pinnkit.domains.level_set.region import Region as Region

from .axes import RESERVED as RESERVED
from .axes import Axis as Axis
from .axes import Role as Role
from .axes import bounds as bounds
from .axes import columns as columns
from .axes import space_columns as space_columns

# Shapes and their factors
from .ball import Ball as Ball
from .box import Box as Box
from .box import Interval as Interval
from .faces import Faces as Faces
from .factors import Cube as Cube
from .factors import Parameters as Parameters
from .factors import Time as Time
from .point_set import PointSet as PointSet

# Points and their layout
from .points import Points as Points
from .points import check_group as check_group
from .product import SHAPES as SHAPES
from .product import Boundary as Boundary
from .product import CrossSection as CrossSection
from .product import Product as Product
from .product import Shape as Shape
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
