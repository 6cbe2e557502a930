// SPDX-License-Identifier: MIT
// The matrix product behind both halves of attention, its columns being lanes of vectors.
#ifndef GYRE_CPU_KERNELS_MICRO_H
#define GYRE_CPU_KERNELS_MICRO_H

#include "ahead.h"
#include "vec.h"

// A block has LANES columns, of which the first n_vecs * VEC are computed. MICRO_ROWS(n_vecs) rows
// of sums stay in registers; a row needs a broadcast per step, a column vector a load.
#if defined(__AVX512F__) || defined(__aarch64__) // 32 registers
#define MICRO_VECS         3
#define MICRO_ROWS(n_vecs) 8
#elif defined(__AVX2__) // 16 registers
#define MICRO_VECS         3
#define MICRO_ROWS(n_vecs) ((n_vecs) > 1 ? 4 : 8)
#else // 16 registers, one of them for the product that has no fused sum
#define MICRO_VECS         4
#define MICRO_ROWS(n_vecs) ((n_vecs) > 2 ? 2 : 4)
#endif

#define LANES (MICRO_VECS * VEC)

// Rows are computed in multiples of MICRO_ROWS, all of which divide this.
#define MICRO_PAD 8

// A and B are made of operands: floats, or, where the file asks for it, words of two bf16, whose
// product is the sum of two.
#if defined(MICRO_PAIRS)
typedef uint32_t operand;
typedef uvec operands;

INLINE vec add_product(vec sum, operand a, operands b)
{
    return (vec)_mm512_dpbf16_ps((__m512)sum, (__m512bh)_mm512_set1_epi32((int)a), (__m512bh)b);
}
#else
typedef float operand;
typedef vec operands;

INLINE vec add_product(vec sum, operand a, operands b)
{
    return sum + a * b;
}
#endif

// One block of C = scale A B or C += scale A B. Element (r, t) of A is a[r * a_row + t * a_step];
// rows of B and C are LANES apart.
struct product {
    size_t n_rows, n_steps;
    const operand *a; // (n_rows padded to MICRO_PAD, n_steps)
    size_t a_row, a_step;
    const operand *b; // (n_steps, LANES)
    float *c;         // (n_rows padded to MICRO_PAD, LANES)
    float scale;
    struct ahead *ahead;
};

INLINE void micro_rows(int n_vecs, bool is_sum, const struct product *p, const operand *a, float *c)
{
    enum { MAX_ROWS = 8 };
    const int n_rows = MICRO_ROWS(n_vecs);
    const size_t a_row = p->a_row, a_step = p->a_step, n_steps = p->n_steps;
    const operand *b = p->b;
    vec sums[MAX_ROWS][MICRO_VECS] = {0};
    for (size_t t = 0; t < n_steps; t++, a += a_step, b += LANES) {
        operands columns[MICRO_VECS];
        for (int v = 0; v < n_vecs; v++)
            memcpy(&columns[v], b + v * VEC, sizeof(columns[v]));
        for (int r = 0; r < n_rows; r++)
            for (int v = 0; v < n_vecs; v++)
                sums[r][v] = add_product(sums[r][v], a[(size_t)r * a_row], columns[v]);
    }
    for (int r = 0; r < n_rows; r++) {
        for (int v = 0; v < n_vecs; v++) {
            float *dst = c + r * LANES + v * VEC;
            vec sum = p->scale * sums[r][v];
            vec_store(dst, is_sum ? vec_load(dst) + sum : sum);
        }
    }
}

INLINE void micro_product(int n_vecs, bool is_sum, const struct product *p)
{
    for (size_t r = 0; r < p->n_rows; r += MICRO_ROWS(n_vecs)) {
        micro_rows(n_vecs, is_sum, p, p->a + r * p->a_row, p->c + r * LANES);
        ahead_step(p->ahead);
    }
}

#endif
