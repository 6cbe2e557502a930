// SPDX-License-Identifier: MIT
// OpenBLAS, opened at run time: whoever does not compare with it does not have its threads.
#ifndef BENCH_OPENBLAS_H
#define BENCH_OPENBLAS_H

#include <stdbool.h>
#include <stddef.h>

struct openblas;

// NULL when it is absent; `why` (of `size` bytes) then says what is missing, and how to get it.
struct openblas *openblas_open(char *why, size_t size);
void openblas_close(struct openblas **blas);

const char *openblas_describe(const struct openblas *blas); // version and processor, its own words

// C = alpha * A op(B), row-major f32: A (m, k), B (k, n) or transposed (n, k), C (m, n).
struct product {
    size_t m, n, k;
    bool is_b_transposed;
    float alpha;
    const float *a, *b;
    float *c;
    size_t a_ld, b_ld, c_ld; // elements from row to row
};

// On the calling thread alone. From any thread.
void openblas_multiply(const struct openblas *blas, const struct product *product);

#endif
