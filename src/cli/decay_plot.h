// SPDX-License-Identifier: MIT
// RoFormer's long-term decay of a configuration, as a picture: the bound of oracle/rope_decay.h by
// the distance between query and key.
#ifndef GYRE_CLI_DECAY_PLOT_H
#define GYRE_CLI_DECAY_PLOT_H

#include <stdbool.h>
#include <stddef.h>

struct decay_plot {
    const double *inv_freq; // (n_pairs)
    size_t n_pairs;
    double max_distance; // tokens
    double mark;         // a distance to point out; 0: none
    const char *title, *subtitle, *mark_label;
};

// Writes a PNG. False when it cannot be written.
bool decay_plot_write(const struct decay_plot *plot, const char *path);

#endif
