"""Every kernel is held to a plain, slow reference: which test does it. A kernel without one fails here."""

import ast
from pathlib import Path

TESTS = Path(__file__).parent
SOURCE = TESTS.parent / "src" / "oberih"

RASTER = "geometry/test_raster.py", "test_agrees_with_the_reference"
SIMPLIFY = "geometry/test_simplify.py"
MATCHING = "reconstruct/test_patchmatch.py"
DENSE = "reconstruct/test_dense_kernels.py"
BRANCHES = "reconstruct/test_dense_branches.py"
SURFACE = "reconstruct/test_surface_branches.py"
TEXTURE = "reconstruct/test_texture_kernels.py"
GRID = DENSE, "test_smoothing_crossing_and_bridging_do_what_they_say_in_a_dense_grid"

HELD = {  # (module, kernel): (file of tests, the test that holds the kernel)
    ("geometry/raster.py", "project_corners"): RASTER,
    ("geometry/raster.py", "draw_faces"): RASTER,
    ("geometry/raster.py", "resolve"): RASTER,
    ("geometry/_quadrics.py", "add_faces"): (SIMPLIFY, "test_quadrics_are_squared_distances"),
    ("geometry/_quadrics.py", "add_rims"): (SIMPLIFY, "test_quadrics_are_squared_distances"),
    ("geometry/_collapse.py", "collapse"): (
        SIMPLIFY, "test_the_collapse_takes_flat_vertices_before_a_ridge"),
    ("geometry/_bake.py", "draw"): (SIMPLIFY, "test_owners_are_the_triangles_at_the_centres_of_texels"),
    ("geometry/_bake.py", "measure"): (SIMPLIFY, "test_distances_are_those_to_a_plane"),
    ("geometry/_bake.py", "look_up"): (
        SIMPLIFY, "test_baking_looks_at_the_side_that_faces_the_same_way"),
    ("geometry/render.py", "look_up"): (TEXTURE, "test_look_ups_are_trilinear"),
    ("reconstruct/_patchmatch.py", "sweep"): (MATCHING, "test_cost_is_the_weighted_ncc_of_the_definition"),
    ("reconstruct/_fusion_kernels.py", "agree"): (
        DENSE, "test_agreement_is_the_weighted_mean_of_what_others_see"),
    ("reconstruct/_fusion_kernels.py", "claim"): (
        DENSE, "test_a_place_is_claimed_by_the_view_with_the_finest_pixels"),
    ("reconstruct/_surface_kernels.py", "integrate"): (
        DENSE, "test_voxels_hold_the_distance_to_the_plane_that_was_seen"),
    ("reconstruct/_surface_kernels.py", "smooth"): GRID,
    ("reconstruct/_surface_kernels.py", "bridge"): GRID,
    ("reconstruct/_surface_kernels.py", "crossing"): GRID,
    ("reconstruct/_surface_kernels.py", "corners"): (
        DENSE, "test_cells_get_their_place_and_their_corners"),
    ("reconstruct/_surface_kernels.py", "paint"): (
        DENSE, "test_points_take_the_colour_that_was_measured_there"),
    ("reconstruct/texture/observe.py", "enter_view"): (TEXTURE, "test_the_best_views_of_a_face_are_kept"),
    ("reconstruct/texture/consistency.py", "distance_to_mode"): (
        TEXTURE, "test_the_consensus_is_the_mode_of_the_colours"),
    ("reconstruct/texture/consistency.py", "average"): (
        TEXTURE, "test_values_are_averaged_with_those_of_the_same_view_next_door"),
    ("reconstruct/texture/labels.py", "match_slots"): (
        TEXTURE, "test_slots_of_the_same_view_are_matched"),
    ("reconstruct/texture/labels.py", "add_up"): (TEXTURE, "test_a_belief_is_the_cost_and_all_messages"),
    ("reconstruct/texture/labels.py", "send_messages"): (
        TEXTURE, "test_messages_are_those_of_min_sum_belief_propagation"),
    ("reconstruct/texture/atlas.py", "grow_outline"): (
        TEXTURE, "test_an_outline_holds_the_padded_faces_of_its_chart"),
    ("reconstruct/texture/bake.py", "paint_from_photo"): (
        TEXTURE, "test_texels_are_looked_up_through_their_place_in_space"),
    ("reconstruct/texture/bake.py", "paint_cells"): (
        TEXTURE, "test_cells_hold_the_plane_through_the_colours_of_their_corners"),
    ("reconstruct/texture/bake.py", "sample_filled"): (
        TEXTURE, "test_samples_are_bilinear_over_filled_texels"),
    ("reconstruct/texture/bake.py", "add_corrections"): (
        TEXTURE, "test_corrections_run_linearly_between_the_corners"),
}  # fmt: skip

HELD_MORE = {  # tests of branches that the one above does not reach
    ("reconstruct/_patchmatch.py", "sweep"): [
        (BRANCHES, "test_a_half_sweep_takes_the_neighbours_planes_and_random_changes_that_cost_less"),
        (BRANCHES, "test_a_right_plane_spreads_over_its_surface_and_no_cost_ever_rises"),
        (BRANCHES, "test_the_reprojection_error_into_the_sources_depths_adds_to_the_cost"),
        (BRANCHES, "test_what_is_edge_on_or_at_another_scale_is_not_compared"),
        (BRANCHES, "test_what_is_on_the_rim_of_the_source_or_outside_is_not_compared"),
    ],
    ("reconstruct/_fusion_kernels.py", "agree"): [
        (BRANCHES, "test_agreement_keeps_to_its_limits_and_says_how_far_the_depths_spread"),
    ],
    ("reconstruct/_surface_kernels.py", "integrate"): [
        (SURFACE, "test_a_turned_camera_adds_distances_and_votes_for_empty_space"),
    ],
    ("reconstruct/_surface_kernels.py", "smooth"): [
        (SURFACE, "test_smoothing_spans_blocks_and_bridged_voxels_have_no_data"),
    ],
    ("reconstruct/_surface_kernels.py", "bridge"): [(SURFACE, "test_bridges_span_blocks")],
    ("reconstruct/_surface_kernels.py", "crossing"): [
        (SURFACE, "test_cells_that_cross_the_surface_span_blocks_and_take_their_corners_along"),
    ],
    ("reconstruct/_surface_kernels.py", "corners"): [
        (SURFACE, "test_cells_that_cross_the_surface_span_blocks_and_take_their_corners_along"),
    ],
    ("reconstruct/_surface_kernels.py", "paint"): [
        (SURFACE, "test_points_are_painted_by_a_turned_camera_that_faces_them"),
    ],
}


def is_kernel(function: ast.FunctionDef) -> bool:
    """Decorated with ``wp.kernel``, ``warp.kernel`` or ``kernel``, with arguments or without."""
    names = (ast.unparse(d.func if isinstance(d, ast.Call) else d) for d in function.decorator_list)
    return any(name.split(".")[-1] == "kernel" for name in names)


def test_every_kernel_has_a_test_that_holds_it_to_a_reference() -> None:
    kernels = {
        (path.relative_to(SOURCE).as_posix(), node.name)
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and is_kernel(node)
    }
    assert kernels - set(HELD) == set(), "no test holds these kernels to a plain reference: write one"
    assert set(HELD) - kernels == set(), "these kernels are no more"


def test_the_tests_that_hold_kernels_exist() -> None:
    assert set(HELD_MORE) <= set(HELD)
    for file, test in {*HELD.values(), *(held for tests in HELD_MORE.values() for held in tests)}:
        tree = ast.parse((TESTS / file).read_text())
        assert test in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, (file, test)
