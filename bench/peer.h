// SPDX-License-Identifier: MIT
// What a C engine without gyre would do for an attention: for every query head a product of
// matrices, a softmax and another product, f32, by OpenBLAS. Heads are divided among threads.
// Hidden scores are computed too, as whole products do.
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include "openblas.h"
#include "rows.h"

struct peer;

// NULL, or why the row has no peer.
const char *peer_refuse(const struct bench_row *row, const struct case_dtypes *dtypes);

// Takes copies of a call's inputs, runs once, and holds the result against the call's own, which
// has finished. `n_copies` of keys and values are visited in turn. NULL when `result` says what
// failed.
struct peer *peer_create(const struct openblas *blas, struct session *session,
                         const struct gyre_attention_params *params, size_t n_copies,
                         size_t n_threads, struct result *result);
void peer_run(struct peer *peer);
void peer_destroy(struct peer **peer);

#endif
