// SPDX-License-Identifier: MIT
// A look at single heads of an attention: how widely each looks, and where.
#ifndef GYRE_CLI_ATTENTION_STUDY_H
#define GYRE_CLI_ATTENTION_STUDY_H

#include <gyre/attention.h>

#include "entropy.h"
#include "heat_grid.h"
#include "open.h"

struct study_options {
    const char *map;   // path of the picture; NULL: none
    const char *heads; // as head_set.h has it. NULL: a few for the picture, all for is_full
    bool is_full;      // all heads' entropies are wanted
    uint32_t batch;
};

struct head_study {
    uint32_t head;
    struct entropy entropy;
    float *cells; // of the grid, heat_grid.h; NULL: not in the picture
};

struct study {
    uint32_t n, n_drawn;
    struct head_study *heads; // (n), in ascending order
    struct heat_grid grid;    // of those drawn
};

// Computes the probabilities of heads of the attention that `params` describes (its results are not
// touched). Complains and returns an exit code; whatever that is, free the study.
int study_make(struct opened *opened, const struct gyre_attention_params *params,
               const struct study_options *options, struct study *study);
void study_free(struct study *study); // accepts zeros

#endif
