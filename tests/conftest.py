"""Guarantees for every test: one thread, no window, fixed seeds, strict floating point, and a folder of its own."""

import os

# Before numpy and torch load: one thread a process, since `pytest -n 2` already uses both cores, and sums in threads
# depend on their number.  Scripts that tests start inherit this, and the backend without a window.
for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"
os.environ["MPLBACKEND"] = "Agg"

import random
from collections.abc import Iterator
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import torch

from tests.record_slow import pytest_addoption as pytest_addoption
from tests.record_slow import pytest_configure as pytest_configure

matplotlib.use("Agg")
torch.set_num_threads(1)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("requires_cuda") and not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")


@pytest.fixture(autouse=True)
def _fixed_seeds() -> None:
    """Global generators start alike in every test, so that the order of tests decides nothing."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - the legacy generator is what libraries use behind our back
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _strict_floating_point() -> Iterator[None]:
    """NumPy raises on overflow, division by zero and invalid operations; underflow to zero is harmless."""
    with np.errstate(all="raise", under="ignore"):
        yield


@pytest.fixture(autouse=True)
def _default_dtype_untouched() -> Iterator[None]:
    """The package takes its dtype from arguments, so neither it nor a test may change torch's default."""
    yield
    found = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    assert found == torch.float32, f"the test left torch's default dtype at {found}"


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests run in `tmp_path`, so that `results/...` never lands in the checkout; files of it are reached by `root`."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the checkout, which holds pinnkit/, problems/ and README.md."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture
def generator() -> torch.Generator:
    """A freshly seeded generator on the CPU."""
    return torch.Generator().manual_seed(0)
