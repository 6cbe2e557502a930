// SPDX-License-Identifier: MIT
// A matrix of probabilities as a picture.
#ifndef GYRE_CLI_HEATMAP_H
#define GYRE_CLI_HEATMAP_H

#include <stdbool.h>
#include <stddef.h>

struct heatmap {
    const float *values; // (n_rows, n_columns); negative ones are drawn as absent
    size_t n_rows, n_columns;
    const char *title, *subtitle, *row_label, *column_label, *scale_label;
};

// Writes a PNG. False when it cannot be written.
bool heatmap_write(const struct heatmap *map, const char *path);

#endif
