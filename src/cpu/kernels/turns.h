// SPDX-License-Identifier: MIT
// Angles as fractions of a turn (args/rope.h), and their cosines and sines.
#ifndef GYRE_CPU_KERNELS_TURNS_H
#define GYRE_CPU_KERNELS_TURNS_H

#include "args/rope.h"
#include "sincos.h"

// Of the pairs, padded to whole vectors.
struct angles {
    float *cos, *sin;
    uint32_t *turns;
};

// Top 32 bits of frac(position * turn)
static inline uint32_t turn_at(const uint32_t *table, size_t j, u32 position)
{
    uint64_t turn = (uint64_t)table[2 * j + 1] << 32 | table[2 * j];
    return (uint32_t)((uint64_t)(i32)position * turn >> 32);
}

static inline void angles_from_turns(size_t n_pairs, const struct angles *angles)
{
    for (size_t j = 0; j < n_pairs; j += VEC) {
        uvec turn;
        vec s, c;
        memcpy(&turn, angles->turns + j, sizeof(turn));
        vec_sincos(turn, &s, &c);
        vec_store(angles->cos + j, c);
        vec_store(angles->sin + j, s);
    }
}

#endif
