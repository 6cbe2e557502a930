// SPDX-License-Identifier: MIT
// Linear attention with RoPE in double precision, row by row, straight from its definition
// (RoFormer, arXiv 2104.09864, eq. 19; p(x) = elu(x) + 1 of arXiv 2006.16236). Quadratic, slow and
// plain on purpose: what every device is held against.
#ifndef ORACLE_LINEAR_ATTENTION_H
#define ORACLE_LINEAR_ATTENTION_H

#include <stddef.h>
#include <stdint.h>

#include "oracle/rope.h"

struct oracle_linear {
    size_t n_batch, q_len, kv_len, n_heads, n_kv_heads, head_dim, v_dim;
    const double *q; // (n_batch, q_len, n_heads, head_dim)
    const double *k; // (n_batch, kv_len, n_kv_heads, head_dim)
    const double *v; // (n_batch, kv_len, n_kv_heads, v_dim)
    // Sums over keys that came before; NULL: none did.
    const double *past_state;       // (n_batch, n_kv_heads, head_dim, v_dim)
    const double *past_norm;        // (n_batch, n_kv_heads, head_dim)
    const struct oracle_rope *rope; // NULL: nothing rotates
    double amplitude;               // of the rotated pairs
    int is_causal;
    int64_t q_start, k_start; // positions of query 0 and key 0
};

// One row of the result, for query i of q head h of batch b. `size` is the same with every product
// of the numerator replaced by what it can be at most: for a rotated pair the product of the two
// pairs' norms; and v by |v|. Room of (v_dim) each is the caller's.
void oracle_linear_row(const struct oracle_linear *a, size_t b, size_t h, size_t i, double *out,
                       double *size);

// The sums of kv head h of batch b over all keys and the past: state, and what its terms are at
// most, (head_dim, v_dim); norm (head_dim).
void oracle_linear_sums(const struct oracle_linear *a, size_t b, size_t h, double *state,
                        double *size, double *norm);

#endif
