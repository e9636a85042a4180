import pytest
import torch

from pinnkit.domains import Box, Points


@pytest.fixture
def rays() -> Points:
    """3 rows of 2 samples, with a column per row and a column per sample."""
    return Points(
        coords=torch.arange(12).double().reshape(6, 2),
        normal=torch.arange(6).double().reshape(6, 1),
        weight=torch.arange(6).double(),
        columns={"colour": torch.arange(9).double().reshape(3, 3), "depth": torch.arange(6).double()},
        group=2,
    )


def test_rows_slice_everything_alike() -> None:
    points = Points(torch.rand(10, 2), torch.rand(10, 1), torch.rand(10), {"u": torch.rand(10), "k": torch.rand(10, 3)})
    part = points.rows(3, 7)
    torch.testing.assert_close(part.coords, points.coords[3:7])
    torch.testing.assert_close(part.normal, points.normal[3:7])
    torch.testing.assert_close(part.weight, points.weight[3:7])
    torch.testing.assert_close(part.columns["u"], points.columns["u"][3:7])
    torch.testing.assert_close(part.columns["k"], points.columns["k"][3:7])


def test_rows_of_a_group_take_whole_groups(rays: Points) -> None:
    part = rays.rows(1, 3)
    torch.testing.assert_close(part.coords, rays.coords[2:6])
    torch.testing.assert_close(part.normal, rays.normal[2:6])
    torch.testing.assert_close(part.weight, rays.weight[2:6])
    torch.testing.assert_close(part.columns["colour"], rays.columns["colour"][1:3])
    torch.testing.assert_close(part.columns["depth"], rays.columns["depth"][2:6])
    assert part.group == 2


def test_chunks_of_rows_put_together_are_the_whole(rays: Points) -> None:
    chunks = [rays.rows(start, start + 2) for start in range(0, 3, 2)]
    torch.testing.assert_close(torch.cat([chunk.coords for chunk in chunks]), rays.coords)
    torch.testing.assert_close(torch.cat([chunk.columns["colour"] for chunk in chunks]), rays.columns["colour"])


def test_rows_share_memory_with_the_points(rays: Points) -> None:
    assert rays.rows(0, 3).coords.data_ptr() == rays.coords.data_ptr()


@pytest.mark.parametrize(("start", "stop"), [(2, 2), (3, 3), (7, 9)])
def test_no_rows_keep_the_shapes(rays: Points, start: int, stop: int) -> None:
    none = rays.rows(start, stop)
    assert none.coords.shape == (0, 2)
    assert none.normal.shape == (0, 1)
    assert none.weight.shape == (0,)
    assert none.columns["colour"].shape == (0, 3)
    assert none.rows(0, 5).coords.shape == (0, 2)


def test_what_is_absent_stays_absent() -> None:
    part = Points(torch.rand(4, 2)).rows(0, 2).to(torch.float32)
    assert part.normal is None
    assert part.weight is None
    assert part.columns == {}
    assert part.group is None


def test_to_casts_floats_and_leaves_integers(rays: Points) -> None:
    labels = torch.tensor([0, 1, 2])
    cast = rays._replace(columns={**rays.columns, "label": labels}).to(torch.float32)
    assert cast.coords.dtype == cast.normal.dtype == cast.weight.dtype == torch.float32
    assert cast.columns["colour"].dtype == torch.float32
    assert cast.columns["label"].dtype == torch.int64
    assert cast.group == 2


def test_to_a_device_keeps_the_dtype(rays: Points) -> None:
    moved = rays.to(device="meta")
    assert moved.coords.device.type == moved.columns["colour"].device.type == "meta"
    assert moved.coords.dtype == torch.float64


def test_points_of_an_empty_part_can_be_moved_and_sliced(generator: torch.Generator) -> None:
    none = Box(t=(0, 1)).boundary.sample(5, generator).to(torch.float32).rows(0, 10)
    assert none.coords.shape == (0, 1)
    assert none.normal.shape == (0, 0)
    assert none.weight.shape == (0,)
