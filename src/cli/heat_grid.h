// SPDX-License-Identifier: MIT
// How matrices of one shape are laid out as panels of a picture, and what a point of it stands for.
#ifndef GYRE_CLI_HEAT_GRID_H
#define GYRE_CLI_HEAT_GRID_H

#include <stdbool.h>
#include <stddef.h>

// One axis of a panel.
struct heat_axis {
    size_t n, pool; // of the matrix; elements that share a cell
    size_t n_cells; // the last may hold fewer elements
    size_t cell;    // pixels
};

struct heat_grid {
    size_t n_panels, n_across, n_down; // panels are placed row by row
    struct heat_axis columns, rows;    // of every panel
};

// Pixels between panels: room for tick labels that stand out, and for a title.
enum { HEAT_GAP_X = 28, HEAT_GAP_Y = 34 };

// For n_panels matrices of (n_rows, n_columns), none of them 0.
struct heat_grid heat_grid_plan(size_t n_panels, size_t n_rows, size_t n_columns);

size_t heat_axis_length(const struct heat_axis *axis); // of a panel, in pixels
size_t heat_grid_width(const struct heat_grid *grid);  // of all panels, in pixels
size_t heat_grid_height(const struct heat_grid *grid);

// Whether panels have room for notes beside their labels.
bool heat_grid_has_notes(const struct heat_grid *grid);

// Cells of a panel, (rows.n_cells, columns.n_cells), malloc'ed: absent, which is below 0. Each has
// the largest of its elements that have been added, row by row of the matrix.
float *heat_cells_create(const struct heat_grid *grid);
void heat_cells_add(const struct heat_grid *grid, size_t row, const float *values, float *cells);

#endif
