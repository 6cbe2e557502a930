// SPDX-License-Identifier: MIT
// Limits of memory: reading, and reading with writing in place.
#include "probe_isa.h"

typedef uint64_t vec __attribute__((vector_size(PROBE_WIDTH)));

enum { VECS = PROBE_STEP / PROBE_WIDTH, SUMS = 4 };

uint64_t PROBE_NAME(read)(const void *src, size_t n)
{
    const vec *at = src;
    vec sums[SUMS] = {0};
    for (size_t i = 0; i < n / PROBE_WIDTH; i += VECS)
#pragma GCC unroll 32
        for (int j = 0; j < VECS; j++)
            sums[j % SUMS] ^= at[i + (size_t)j];
    vec all = sums[0] ^ sums[1] ^ sums[2] ^ sums[3];
    return all[0] ^ all[1];
}

// Flips a bit of every word: as much work as scaling, and nothing that overflows.
void PROBE_NAME(scale)(void *data, size_t n)
{
    vec *at = data, bit = {0};
    bit = ~bit & 1;
    for (size_t i = 0; i < n / PROBE_WIDTH; i += VECS)
#pragma GCC unroll 32
        for (int j = 0; j < VECS; j++)
            at[i + (size_t)j] ^= bit;
}
