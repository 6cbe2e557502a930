// SPDX-License-Identifier: MIT
// Matrices of probabilities as one picture: a panel each, with the same axes and colours.
#ifndef GYRE_CLI_HEATMAP_H
#define GYRE_CLI_HEATMAP_H

#include "heat_grid.h"

struct heat_panel {
    const float *cells; // of the grid
    char label[24];     // above it, where there are several
    char note[24];      // beside the label, where there is room
};

struct heatmap {
    struct heat_grid grid;
    const struct heat_panel *panels; // (grid.n_panels)
    const char *title, *subtitle, *caption, *row_label, *column_label;
    const char *scale_label; // the kind of scale is added to it
};

// Writes a PNG. False when it cannot be written.
bool heatmap_write(const struct heatmap *map, const char *path);

#endif
