// SPDX-License-Identifier: MIT
// Rotary position embedding in double precision, as RoFormer (arXiv 2104.09864) eq. 34 defines it.
// Slow and plain on purpose: what every device is held against.
#ifndef ORACLE_ROPE_H
#define ORACLE_ROPE_H

#include <stddef.h>
#include <stdint.h>

// What is rotated and how fast.
struct oracle_rope {
    size_t head_dim, rotary_dim, rotary_offset;
    int is_interleaved;        // pair j is (2j, 2j + 1), else (j, j + rotary_dim / 2)
    const double *inv_freq;    // (rotary_dim / 2) radians per position
    const uint32_t *pair_axes; // (rotary_dim / 2) axis that each pair follows; NULL: 0
};

// inv_freq[j] = theta^(-2j / rotary_dim), RoFormer section 3.2.2.
void oracle_rope_inv_freq(double theta, size_t rotary_dim, double *inv_freq);

// Axes of M-RoPE: sizes[0] pairs of axis 0, then sizes[1] of axis 1, and so on.
void oracle_rope_axes_in_rows(const size_t *sizes, size_t n_pairs, uint32_t *pair_axes);
// Axes of interleaved M-RoPE: each axis x > 0 of n takes the pairs x, x + n, x + 2n, ... of which
// it wants sizes[x]; all others stay with axis 0.
void oracle_rope_axes_in_turn(const size_t *sizes, size_t n, size_t n_pairs, uint32_t *pair_axes);

// Cosine and sine of position * inv_freq; the angle is reduced in more than double precision, so
// both are right to a few units of double's last place at any 32-bit position.
void oracle_rope_cos_sin(double inv_freq, int64_t position, double *cosine, double *sine);

// The same of every pair, (rotary_dim / 2) each, at a position with a coordinate for every axis.
void oracle_rope_angles(const struct oracle_rope *rope, const int64_t *position, double *cosines,
                        double *sines);

// One head of given cosines and sines, (rotary_dim / 2) each:
//   rotate: (y[a], y[b]) = (c x[a] - s x[b], s x[a] + c x[b])
//   add:    (y[a], y[b]) = (x[a] + s, x[b] + c), sinusoids (arXiv 1706.03762, section 3.5)
// for each pair (a, b). Elements outside the rotary window are copied. y may be x.
void oracle_rope_rotate(const struct oracle_rope *rope, const double *cosines, const double *sines,
                        const double *x, double *y); // (head_dim) each
void oracle_rope_add(const struct oracle_rope *rope, const double *cosines, const double *sines,
                     const double *x, double *y); // (head_dim) each

// One head at a position of one axis, rotated by cos_factor * cos and sin_factor * sin:
//   forward (a, a), transpose (a, -a), inverse (1/a, -1/a), plain rotation (1, 1)
// for amplitude a.
void oracle_rope_head(const struct oracle_rope *rope, int64_t position, double cos_factor,
                      double sin_factor, const double *x, double *y); // (head_dim) each

// Indices within a head of the two members of pair j.
void oracle_rope_pair(const struct oracle_rope *rope, size_t j, size_t *first, size_t *second);

#endif
