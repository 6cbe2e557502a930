// SPDX-License-Identifier: MIT
#include "harness/fill.h"

#include <math.h>

// The output function of splitmix64 (Steele, Lea and Flood 2014), here over a counter.
static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t fill_bits(uint64_t seed, uint64_t i)
{
    return mix(seed + (i + 1) * 0x9e3779b97f4a7c15u);
}

uint64_t fill_seed(uint64_t seed, const char *name)
{
    for (; *name != '\0'; name++)
        seed = fill_bits(seed, (unsigned char)*name);
    return seed;
}

double fill_uniform(uint64_t seed, uint64_t i)
{
    return (double)(fill_bits(seed, i) >> 11) * 0x1p-53;
}

// Box and Muller's transform of two uniform values.
static double normal(uint64_t seed, uint64_t i)
{
    double radius = sqrt(-2 * log(1 - fill_uniform(seed, 2 * i)));
    return radius * cos(6.283185307179586 * fill_uniform(seed, 2 * i + 1));
}

void fill_normals(uint64_t seed, double *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        values[i] = normal(seed, i);
}
