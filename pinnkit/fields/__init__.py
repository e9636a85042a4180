"""Fields, WHAT is fitted: frozen specs that build modules from coordinates, scaled to [-1, 1], to unknowns."""

# what a field is
from pinnkit.fields.encodings.interpolation import Multilinear as Multilinear
from pinnkit.fields.encodings.interpolation import Smoothstep as Smoothstep
from pinnkit.fields.grids.hash_grid import HashGrid as HashGrid
from pinnkit.fields.grids.multilevel_grid import MultilevelGrid as MultilevelGrid
from pinnkit.fields.grids.planes_and_lines import PlanesAndLines as PlanesAndLines
from pinnkit.fields.grids.voxels import Voxels as Voxels
from pinnkit.fields.mlp.fourier import FourierMLP as FourierMLP
from pinnkit.fields.mlp.gauss import Gauss as Gauss
from pinnkit.fields.mlp.geometric import GeometricMLP as GeometricMLP
from pinnkit.fields.mlp.mlp import MLP as MLP
from pinnkit.fields.mlp.positional import PositionalMLP as PositionalMLP
from pinnkit.fields.mlp.siren import Siren as Siren
from pinnkit.fields.mlp.wire import Wire as Wire

# the fields
from pinnkit.fields.polynomials.additive import Additive as Additive
from pinnkit.fields.polynomials.expansion import Expansion as Expansion
from pinnkit.fields.polynomials.polynomials import Polynomials as Polynomials
from pinnkit.fields.polynomials.total_degree import TotalDegree as TotalDegree
from pinnkit.fields.radiance.radiance_planes import RadiancePlanes as RadiancePlanes
from pinnkit.fields.radiance.view_mlp import ViewMLP as ViewMLP

from .activations import ACTIVATIONS as ACTIVATIONS
from .activations import Activation as Activation
from .base import AxisLike as AxisLike
from .base import FieldSpec as FieldSpec
from .base import Network as Network
from .evolved_modes import MarchedField as MarchedField
from .evolved_modes import MarchedSpec as MarchedSpec
from .random_fourier import RandomFourier as RandomFourier
from .random_fourier import RandomSines as RandomSines
from .scaling import Scaling as Scaling

# to and from files
from .serialization import spec_from_dict as spec_from_dict
from .serialization import spec_to_dict as spec_to_dict
