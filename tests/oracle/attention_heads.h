// SPDX-License-Identifier: MIT
// Heads of q or k as they enter the products of attention: both parts side by side, and rotated.
#ifndef ORACLE_ATTENTION_HEADS_H
#define ORACLE_ATTENTION_HEADS_H

#include "oracle/rope.h"

struct oracle_heads {
    const double *x; // (token, n_heads, dim)
    size_t n_heads, dim;
    const double *x2; // (token, n_heads2, dim2); dim2 0: there is no second part
    size_t n_heads2, dim2;
    // Rotates the second part, or the whole head where there is none. NULL: nothing is rotated.
    const struct oracle_rope *rope;
    double amplitude;
};

// The heads y (n_heads, dim + dim2) of a token at a position with a coordinate for every axis.
// `angles` is room for rotary_dim numbers.
void oracle_heads_at(const struct oracle_heads *heads, size_t token, const int64_t *position,
                     double *angles, double *y);

#endif
