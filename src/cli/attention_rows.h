// SPDX-License-Identifier: MIT
// The probabilities of one head, some queries at a time: memory stays small however long the
// sequence is.
#ifndef GYRE_CLI_ATTENTION_ROWS_H
#define GYRE_CLI_ATTENTION_ROWS_H

#include <gyre/attention.h>

#include "open.h"

struct row_block {
    uint64_t first, n, n_keys; // queries [first, first + n)
    const float *probs;        // (n, n_keys); -1 where the key is hidden
};

typedef void row_block_fn(void *user, const struct row_block *block);

// Computes the head of a batch element of the attention that `params` describes (its results are
// not touched), and calls `visit` from the first query to the last. Complains and returns an exit
// code.
int attention_rows_visit(struct opened *opened, const struct gyre_attention_params *params,
                         uint32_t batch, uint32_t head, row_block_fn *visit, void *user);

// Where query 0 stands. Complains and returns an exit code when that is not a 32-bit number.
int attention_start(const struct gyre_attention_params *params, int32_t *start);

#endif
