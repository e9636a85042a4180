"""Fields, WHAT is fitted: frozen specs that build modules from coordinates, scaled to [-1, 1], to unknowns."""

# what a field is
from .activations import ACTIVATIONS as ACTIVATIONS
from .activations import Activation as Activation

# the fields
from .additive import Additive as Additive
from .base import AxisLike as AxisLike
from .base import FieldSpec as FieldSpec
from .base import Network as Network
from .expansion import Expansion as Expansion
from .fourier import FourierMLP as FourierMLP
from .gauss import Gauss as Gauss
from .geometric import GeometricMLP as GeometricMLP
from .hash_grid import HashGrid as HashGrid
from .interpolation import Multilinear as Multilinear
from .interpolation import Smoothstep as Smoothstep
from .marched import MarchedField as MarchedField
from .marched import MarchedSpec as MarchedSpec
from .mlp import MLP as MLP
from .multilevel_grid import MultilevelGrid as MultilevelGrid
from .planes_and_lines import PlanesAndLines as PlanesAndLines
from .polynomials import Polynomials as Polynomials
from .positional import PositionalMLP as PositionalMLP
from .radiance_planes import RadiancePlanes as RadiancePlanes
from .random_fourier import RandomFourier as RandomFourier
from .random_fourier import RandomSines as RandomSines
from .scaling import Scaling as Scaling

# to and from files
from .serialise import spec_from_dict as spec_from_dict
from .serialise import spec_to_dict as spec_to_dict
from .siren import Siren as Siren
from .total_degree import TotalDegree as TotalDegree
from .view_mlp import ViewMLP as ViewMLP
from .voxels import Voxels as Voxels
from .wire import Wire as Wire
