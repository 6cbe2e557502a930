// SPDX-License-Identifier: MIT
// The picture of heads as its pixels tell it: every panel where it belongs, nothing cut.
#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cairo.h>

#include "cli/colour.h"
#include "cli/heatmap.h"

enum { MARGIN = 8 }; // pixels at the edge in which nothing stands

struct picture {
    cairo_surface_t *surface;
    size_t width, height;
};

static uint32_t pixel_at(const struct picture *picture, size_t x, size_t y)
{
    const unsigned char *data = cairo_image_surface_get_data(picture->surface);
    size_t stride = (size_t)cairo_image_surface_get_stride(picture->surface);
    return ((const uint32_t *)(const void *)(data + y * stride))[x] & 0xffffff;
}

static uint32_t pack(struct colour colour)
{
    return (uint32_t)lround(255 * colour.r) << 16 | (uint32_t)lround(255 * colour.g) << 8 |
           (uint32_t)lround(255 * colour.b);
}

// Draws the panels, and reads the file.
static struct picture draw(const struct heat_grid *grid, float *const *cells)
{
    char path[] = "/tmp/gyre-heatmap-XXXXXX";
    struct heat_panel *panels = calloc(grid->n_panels, sizeof(*panels));
    for (size_t i = 0; i < grid->n_panels; i++) {
        panels[i] = (struct heat_panel){.cells = cells[i], .note = "12.34 nats"};
        snprintf(panels[i].label, sizeof(panels[i].label), "head %zu", i);
    }
    const struct heatmap map = {
        .grid = *grid,
        .panels = panels,
        .title = "Attention of 127 of 128 heads",
        .subtitle = "batch element 12, causal, 100000 queries on 100000 keys",
        .caption = "A point is the largest of 139 queries x 139 keys. Grey: hidden.",
        .row_label = "query",
        .column_label = "key",
        .scale_label = "probability",
    };
    close(mkstemp(path));
    cr_assert(heatmap_write(&map, path));
    struct picture picture = {.surface = cairo_image_surface_create_from_png(path)};
    unlink(path);
    free(panels);
    cr_assert_eq(cairo_surface_status(picture.surface), CAIRO_STATUS_SUCCESS);
    picture.width = (size_t)cairo_image_surface_get_width(picture.surface);
    picture.height = (size_t)cairo_image_surface_get_height(picture.surface);
    return picture;
}

static void assert_margins(const struct picture *picture)
{
    for (size_t y = 0; y < picture->height; y++)
        for (size_t x = 0; x < picture->width; x++) {
            bool is_inside = x >= MARGIN && x + MARGIN < picture->width && y >= MARGIN &&
                             y + MARGIN < picture->height;
            if (!is_inside)
                cr_assert_eq(pixel_at(picture, x, y), 0xffffff, "(%zu, %zu) is not white", x, y);
        }
}

// Draws matrices whose element (i, j) of panel p is value(p, i, j).
static struct picture draw_matrices(const struct heat_grid *grid,
                                    float value(size_t panel, size_t row, size_t column))
{
    float **cells = calloc(grid->n_panels, sizeof(*cells));
    float *line = calloc(grid->columns.n, sizeof(*line));
    for (size_t p = 0; p < grid->n_panels; p++) {
        cells[p] = heat_cells_create(grid);
        for (size_t i = 0; i < grid->rows.n; i++) {
            for (size_t j = 0; j < grid->columns.n; j++)
                line[j] = value(p, i, j);
            heat_cells_add(grid, i, line, cells[p]);
        }
    }
    struct picture picture = draw(grid, cells);
    assert_margins(&picture);
    for (size_t p = 0; p < grid->n_panels; p++)
        free(cells[p]);
    free(cells);
    free(line);
    return picture;
}

static void assert_covers(const struct heat_axis *axis, size_t n)
{
    cr_assert_eq(axis->n, n);
    cr_assert_geq(axis->n_cells * axis->pool, n);
    cr_assert_lt((axis->n_cells - 1) * axis->pool, n);
    cr_assert_geq(axis->cell, 1);
    cr_assert(axis->pool == 1 || axis->cell == 1, "%zu share a cell of %zu pixels", axis->pool,
              axis->cell);
}

Test(heatmap, grids_hold_every_panel_and_element)
{
    static const size_t lengths[] = {1, 4, 63, 64, 130, 719, 720, 721, 1000, 4096, 100000};
    enum { N = sizeof(lengths) / sizeof(*lengths) };
    for (size_t n_panels = 1; n_panels <= 130; n_panels += n_panels < 10 ? 1 : 30)
        for (int i = 0; i < N * N; i++) {
            size_t n_rows = lengths[i / N], n_columns = lengths[i % N];
            struct heat_grid grid = heat_grid_plan(n_panels, n_rows, n_columns);
            assert_covers(&grid.rows, n_rows);
            assert_covers(&grid.columns, n_columns);
            cr_assert_geq(grid.n_across * grid.n_down, n_panels);
            cr_assert_lt(grid.n_across * (grid.n_down - 1), n_panels);
            size_t width = heat_axis_length(&grid.columns), height = heat_axis_length(&grid.rows);
            cr_assert(width >= 40 && width <= 1080 && height >= 40 && height <= 1080,
                      "%zu panels of %zu x %zu: %zu x %zu pixels", n_panels, n_rows, n_columns,
                      height, width);
        }
}

Test(heatmap, cells_hold_the_largest)
{
    struct heat_grid grid = heat_grid_plan(1, 3000, 2500);
    float *cells = heat_cells_create(&grid), *line = calloc(2500, sizeof(*line));
    for (size_t i = 0; i < 3000; i++) {
        for (size_t j = 0; j < 2500; j++)
            line[j] = i == 1234 && j == 2499 ? 0.5f : i < 100 ? -1 : 0.25f;
        heat_cells_add(&grid, i, line, cells);
    }
    for (size_t i = 0; i < grid.rows.n_cells; i++)
        for (size_t j = 0; j < grid.columns.n_cells; j++) {
            bool is_peak = i == 1234 / grid.rows.pool && j == 2499 / grid.columns.pool;
            bool is_hidden = (i + 1) * grid.rows.pool <= 100;
            cr_assert_eq(cells[i * grid.columns.n_cells + j], is_peak     ? 0.5f
                                                              : is_hidden ? -1
                                                                          : 0.25f);
        }
    free(cells);
    free(line);
}

// Row 1 looks at the key whose number is the panel's; later keys are hidden.
static float marked(size_t panel, size_t row, size_t column)
{
    return row == 1 && column == panel ? 1 : column > row ? -1 : 0;
}

// The left end of the first run of the colour of at least this length; the width where there is
// none.
static size_t find_run(const struct picture *picture, size_t x, size_t y, uint32_t colour,
                       size_t length)
{
    size_t n = 0;
    for (; x < picture->width && n < length; x++)
        n = pixel_at(picture, x, y) == colour ? n + 1 : 0;
    return n == length ? x - length : picture->width;
}

Test(heatmap, panels_stand_in_their_places)
{
    const uint32_t bright = pack(colour_at(1)), grey = 0xf1f1f4;
    struct heat_grid grid = heat_grid_plan(3, 4, 4);
    cr_assert_eq(grid.n_across, 3);
    size_t cell = grid.columns.cell, pitch = heat_axis_length(&grid.columns) + HEAT_GAP_X;
    struct picture picture = draw_matrices(&grid, marked);
    size_t y = 0, x = picture.width;
    for (; y < picture.height && x == picture.width; y++)
        x = find_run(&picture, 0, y, bright, cell); // panel 0, row 1, column 0
    cr_assert_lt(x, picture.width);
    for (size_t p = 1; p < 3; p++) {
        size_t place = find_run(&picture, x + p * pitch, y, bright, cell);
        cr_assert_eq(place, x + p * (pitch + cell));
        cr_assert_eq(pixel_at(&picture, place, y + cell - 2), bright);
        cr_assert_neq(pixel_at(&picture, place, y + cell), bright);
    }
    cr_assert_eq(find_run(&picture, 0, y, grey, 2 * cell), x + 2 * cell); // columns 2 and 3
    cairo_surface_destroy(picture.surface);
}

static float even(size_t panel, size_t row, size_t column)
{
    (void)panel, (void)row, (void)column;
    return 0.001f;
}

Test(heatmap, the_scale_follows_the_largest)
{
    struct heat_grid grid = heat_grid_plan(1, 1000, 1000);
    struct picture picture = draw_matrices(&grid, even);
    size_t y = picture.height / 2;
    cr_assert_lt(find_run(&picture, 0, y, pack(colour_at(1)), heat_axis_length(&grid.columns)),
                 picture.width);
    cairo_surface_destroy(picture.surface);
}

static float mostly_even(size_t panel, size_t row, size_t column)
{
    return row + column == 0 ? 1 : even(panel, row, column);
}

// By the cube root, which the scale takes for so many keys.
Test(heatmap, small_probabilities_are_told_from_none)
{
    struct heat_grid grid = heat_grid_plan(1, 1000, 1000);
    struct picture picture = draw_matrices(&grid, mostly_even);
    uint32_t cube_root = pack(colour_at(0.1));
    cr_assert_lt(find_run(&picture, 0, picture.height / 2, cube_root, 100), picture.width);
    cairo_surface_destroy(picture.surface);
}

// Labels of every length stay inside.
Test(heatmap, nothing_is_cut)
{
    static const size_t shapes[][3] = {{1, 1, 1},     {1, 1, 100000}, {1, 20000, 1}, {2, 1, 3000},
                                       {130, 12, 12}, {9, 40, 3000},  {7, 5, 5}};
    for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
        struct heat_grid grid = heat_grid_plan(shapes[i][0], shapes[i][1], shapes[i][2]);
        struct picture picture = draw_matrices(&grid, even);
        cairo_surface_destroy(picture.surface);
    }
}

Test(heatmap, what_cannot_be_written_is_told)
{
    struct heat_grid grid = heat_grid_plan(1, 2, 2);
    float *cells = heat_cells_create(&grid);
    const struct heat_panel panel = {.cells = cells};
    const struct heatmap map = {.grid = grid,
                                .panels = &panel,
                                .title = "",
                                .subtitle = "",
                                .caption = "",
                                .row_label = "",
                                .column_label = "",
                                .scale_label = ""};
    cr_assert_not(heatmap_write(&map, "/nowhere/map.png"));
    free(cells);
}
