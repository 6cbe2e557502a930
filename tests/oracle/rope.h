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
    int is_interleaved;     // pair j is (2j, 2j + 1), else (j, j + rotary_dim / 2)
    const double *inv_freq; // (rotary_dim / 2) radians per position
};

// inv_freq[j] = theta^(-2j / rotary_dim), RoFormer section 3.2.2.
void oracle_rope_inv_freq(double theta, size_t rotary_dim, double *inv_freq);

// Cosine and sine of position * inv_freq; the angle is reduced in more than double precision, so
// both are right to a few units of double's last place at any 32-bit position.
void oracle_rope_cos_sin(double inv_freq, int64_t position, double *cosine, double *sine);

// One head: y = cos_factor * cos part + sin_factor * sin part of R(position) x:
//   forward (a, a), transpose (a, -a), inverse (1/a, -1/a), plain rotation (1, 1)
// for amplitude a. Elements outside the rotary window are copied. y may be x.
void oracle_rope_head(const struct oracle_rope *rope, int64_t position, double cos_factor,
                      double sin_factor, const double *x, double *y); // (head_dim) each

// Indices within a head of the two members of pair j.
void oracle_rope_pair(const struct oracle_rope *rope, size_t j, size_t *first, size_t *second);

#endif
