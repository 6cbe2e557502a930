// SPDX-License-Identifier: MIT
// The attention of one head as a picture.
#ifndef GYRE_CLI_ATTENTION_MAP_H
#define GYRE_CLI_ATTENTION_MAP_H

#include <gyre/attention.h>

#include "open.h"

struct map_options {
    const char *path; // NULL: no map
    uint32_t head, batch;
};

// Computes the probabilities of one head of the attention that `params` describes (its results are
// not touched), and draws them. Complains and returns an exit code.
int attention_map_write(struct opened *opened, const struct gyre_attention_params *params,
                        const struct map_options *options);

#endif
