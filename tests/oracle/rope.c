// SPDX-License-Identifier: MIT
#include "oracle/rope.h"

#include <math.h>
#include <string.h>

// 2 pi = TWO_PI_HI + TWO_PI_LO to 106 bits.
static const double TWO_PI_HI = 0x1.921fb54442d18p+2;
static const double TWO_PI_LO = 0x1.1a62633145c07p-52;

void oracle_rope_inv_freq(double theta, size_t rotary_dim, double *inv_freq)
{
    for (size_t j = 0; j < rotary_dim / 2; j++)
        inv_freq[j] = pow(theta, -2.0 * (double)j / (double)rotary_dim);
}

void oracle_rope_axes_in_rows(const size_t *sizes, size_t n_pairs, uint32_t *pair_axes)
{
    size_t pair = 0;
    for (uint32_t axis = 0; pair < n_pairs; axis++)
        for (size_t i = 0; i < sizes[axis] && pair < n_pairs; i++)
            pair_axes[pair++] = axis;
}

void oracle_rope_axes_in_turn(const size_t *sizes, size_t n, size_t n_pairs, uint32_t *pair_axes)
{
    memset(pair_axes, 0, n_pairs * sizeof(*pair_axes));
    for (uint32_t axis = 1; axis < n; axis++)
        for (size_t i = 0; i < sizes[axis] && axis + i * n < n_pairs; i++)
            pair_axes[axis + i * n] = axis;
}

void oracle_rope_cos_sin(double inv_freq, int64_t position, double *cosine, double *sine)
{
    // The angle is hi + lo exactly, and so are the products with the number of whole turns.
    double hi = (double)position * inv_freq;
    double lo = fma((double)position, inv_freq, -hi);
    double turns = round(hi / TWO_PI_HI);
    double whole = turns * TWO_PI_HI;
    double whole_lo = fma(turns, TWO_PI_HI, -whole);
    double reduced = (hi - whole) + ((lo - whole_lo) - turns * TWO_PI_LO);
    *cosine = cos(reduced);
    *sine = sin(reduced);
}

void oracle_rope_pair(const struct oracle_rope *rope, size_t j, size_t *first, size_t *second)
{
    size_t base = rope->rotary_offset;
    *first = base + (rope->is_interleaved ? 2 * j : j);
    *second = base + (rope->is_interleaved ? 2 * j + 1 : j + rope->rotary_dim / 2);
}

void oracle_rope_angles(const struct oracle_rope *rope, const int64_t *position, double *cosines,
                        double *sines)
{
    for (size_t j = 0; j < rope->rotary_dim / 2; j++) {
        size_t axis = rope->pair_axes != NULL ? rope->pair_axes[j] : 0;
        oracle_rope_cos_sin(rope->inv_freq[j], position[axis], &cosines[j], &sines[j]);
    }
}

// The two members of pair j of y.
static void rotate_pair(const struct oracle_rope *rope, size_t j, double c, double s, double *y)
{
    size_t a, b;
    oracle_rope_pair(rope, j, &a, &b);
    double first = y[a], second = y[b];
    y[a] = c * first - s * second;
    y[b] = s * first + c * second;
}

void oracle_rope_rotate(const struct oracle_rope *rope, const double *cosines, const double *sines,
                        const double *x, double *y)
{
    memmove(y, x, rope->head_dim * sizeof(*y));
    for (size_t j = 0; j < rope->rotary_dim / 2; j++)
        rotate_pair(rope, j, cosines[j], sines[j], y);
}

void oracle_rope_add(const struct oracle_rope *rope, const double *cosines, const double *sines,
                     const double *x, double *y)
{
    memmove(y, x, rope->head_dim * sizeof(*y));
    for (size_t j = 0; j < rope->rotary_dim / 2; j++) {
        size_t a, b;
        oracle_rope_pair(rope, j, &a, &b);
        y[a] += sines[j];
        y[b] += cosines[j];
    }
}

void oracle_rope_head(const struct oracle_rope *rope, int64_t position, double cos_factor,
                      double sin_factor, const double *x, double *y)
{
    memmove(y, x, rope->head_dim * sizeof(*y));
    for (size_t j = 0; j < rope->rotary_dim / 2; j++) {
        double c, s;
        oracle_rope_cos_sin(rope->inv_freq[j], position, &c, &s);
        rotate_pair(rope, j, cos_factor * c, sin_factor * s, y);
    }
}
