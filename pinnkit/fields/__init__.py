"""Fields, the functions that are fitted: frozen specs that build modules from coordinates to unknowns.

A new field is one module with a class that `FIELDS.register` decorates, and one import line here. Subpackages: `mlp`
(multilayer perceptrons), `grids` (trained values on nodes), `polynomials`, `trefftz` (exact solutions of an elliptic
equation), `radiance` (position and view direction) and `encodings` (what grids and radiance fields share).
"""

# contracts and registration
from .protocols import AxisLike as AxisLike
from .protocols import FieldSpec as FieldSpec
from .protocols import Interpolation as Interpolation
from .registry import FIELDS as FIELDS
from .registry import INTERPOLATIONS as INTERPOLATIONS
from .base import BaseSpec as BaseSpec
from .base import FieldModule as FieldModule
from .base import Network as Network

# fields, in the order in which error messages and the help of the command line name them
from .mlp.siren import Siren as Siren
from .mlp.fourier import FourierMLP as FourierMLP
from .mlp.mlp import MLP as MLP
from .random_fourier import RandomFourier as RandomFourier
from .random_fourier import RandomSines as RandomSines
from .mlp.positional import PositionalMLP as PositionalMLP
from .mlp.gauss import Gauss as Gauss
from .mlp.wire import Wire as Wire
from .mlp.geometric import GeometricMLP as GeometricMLP
from .grids.multilevel_grid import MultilevelGrid as MultilevelGrid
from .grids.hash_grid import HashGrid as HashGrid
from .grids.planes_and_lines import PlanesAndLines as PlanesAndLines
from .grids.voxels import Voxels as Voxels
from .polynomials.additive import Additive as Additive
from .polynomials.total_degree import TotalDegree as TotalDegree
from .polynomials.expansion import Expansion as Expansion
from .polynomials.polynomials import Polynomials as Polynomials
from .trefftz.trefftz import Trefftz as Trefftz
from .trefftz.trefftz import TrefftzFunctions as TrefftzFunctions
from .radiance.radiance_planes import RadiancePlanes as RadiancePlanes
from .radiance.view_mlp import ViewMLP as ViewMLP
from .piecewise_in_time import PiecewiseInTime as PiecewiseInTime
from .evolved_modes import EvolvedModes as EvolvedModes
from .evolved_modes import EvolvedModesField as EvolvedModesField
from .piecewise_polynomial import PiecewisePolynomial as PiecewisePolynomial
from .piecewise_polynomial import PiecewisePolynomialField as PiecewisePolynomialField

# parts of fields
from .activations import ACTIVATIONS as ACTIVATIONS
from .activations import Activation as Activation
from .encodings.interpolation import Multilinear as Multilinear
from .encodings.interpolation import Smoothstep as Smoothstep
from .scaling import Scaling as Scaling

# to and from files
from .serialization import spec_from_dict as spec_from_dict
from .serialization import spec_to_dict as spec_to_dict
