// SPDX-License-Identifier: MIT
#include "heat_grid.h"

#include <math.h>
#include <stdlib.h>

// Pixels that panels should fill, and what one should be at least and at most. Many panels make a
// larger picture rather than smaller panels.
static const double fill_width = 1360, fill_height = 960, min_side = 120, max_side = 720;
static const double min_length = 64; // of any side: labels have room
// A panel's shorter side is at least this part of the longer one: of one query too, something is
// seen.
static const double min_ratio = 1.0 / 3;
enum { MIN_NOTE_WIDTH = 150 }; // for "head 127" and "5.78 nats" above a panel

// Sides of a panel over the longer one.
struct shape {
    double width, height;
};

static struct shape shape_of(size_t n_rows, size_t n_columns)
{
    double longer = fmax((double)n_rows, (double)n_columns);
    return (struct shape){fmax((double)n_columns / longer, min_ratio),
                          fmax((double)n_rows / longer, min_ratio)};
}

// Longer side of panels that fill the picture with so many of them across.
static double side_of(struct shape shape, size_t n_across, size_t n_down)
{
    double across = (double)n_across, down = (double)n_down;
    double width = (fill_width - HEAT_GAP_X * (across - 1)) / across;
    double height = (fill_height - HEAT_GAP_Y * (down - 1)) / down;
    return fmin(width / shape.width, height / shape.height);
}

// Larger panels are better, and so are full rows.
static size_t choose_across(struct shape shape, size_t n_panels)
{
    const double full_bonus = 1.25;
    size_t best = 1;
    double best_worth = -INFINITY;
    for (size_t n = 1; n <= n_panels; n++) {
        double worth = fmin(side_of(shape, n, (n_panels + n - 1) / n), max_side);
        if (n_panels % n == 0)
            worth *= full_bonus;
        if (worth > best_worth) {
            best = n;
            best_worth = worth;
        }
    }
    return best;
}

// Whole elements in a cell and whole pixels: no pattern appears that is not in the matrix.
static struct heat_axis plan_axis(size_t n, double length)
{
    struct heat_axis axis = {.n = n, .pool = (size_t)fmax(1, round((double)n / length))};
    axis.n_cells = (n + axis.pool - 1) / axis.pool;
    axis.cell = (size_t)fmax(1, round(length / (double)axis.n_cells));
    return axis;
}

struct heat_grid heat_grid_plan(size_t n_panels, size_t n_rows, size_t n_columns)
{
    struct shape shape = shape_of(n_rows, n_columns);
    struct heat_grid grid = {.n_panels = n_panels};
    grid.n_across = choose_across(shape, n_panels);
    grid.n_down = (n_panels + grid.n_across - 1) / grid.n_across;
    double side = side_of(shape, grid.n_across, grid.n_down);
    side = fmin(fmax(side, min_side), max_side);
    grid.columns = plan_axis(n_columns, fmax(side * shape.width, min_length));
    grid.rows = plan_axis(n_rows, fmax(side * shape.height, min_length));
    return grid;
}

size_t heat_axis_length(const struct heat_axis *axis)
{
    return axis->n_cells * axis->cell;
}

size_t heat_grid_width(const struct heat_grid *grid)
{
    return grid->n_across * (heat_axis_length(&grid->columns) + HEAT_GAP_X) - HEAT_GAP_X;
}

size_t heat_grid_height(const struct heat_grid *grid)
{
    return grid->n_down * (heat_axis_length(&grid->rows) + HEAT_GAP_Y) - HEAT_GAP_Y;
}

bool heat_grid_has_notes(const struct heat_grid *grid)
{
    return grid->n_panels > 1 && heat_axis_length(&grid->columns) >= MIN_NOTE_WIDTH;
}

float *heat_cells_create(const struct heat_grid *grid)
{
    size_t n = grid->rows.n_cells * grid->columns.n_cells;
    float *cells = malloc(n * sizeof(*cells));
    for (size_t i = 0; cells != NULL && i < n; i++)
        cells[i] = -1;
    return cells;
}

void heat_cells_add(const struct heat_grid *grid, size_t row, const float *values, float *cells)
{
    const struct heat_axis *columns = &grid->columns;
    float *cell = cells + row / grid->rows.pool * columns->n_cells;
    for (size_t j = 0; j < columns->n; cell++) {
        size_t end = j + columns->pool < columns->n ? j + columns->pool : columns->n;
        for (; j < end; j++)
            *cell = values[j] > *cell ? values[j] : *cell;
    }
}
