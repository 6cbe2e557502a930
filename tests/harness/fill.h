// SPDX-License-Identifier: MIT
// Seeded random data. Every value is a pure function of (seed, index), so one case run alone sees
// the same data as in a whole run, on every machine.
#ifndef HARNESS_FILL_H
#define HARNESS_FILL_H

#include <stddef.h>
#include <stdint.h>

// A seed for what `name` names, derived from another.
uint64_t fill_seed(uint64_t seed, const char *name);

uint64_t fill_bits(uint64_t seed, uint64_t i);
double fill_uniform(uint64_t seed, uint64_t i); // in [0, 1)

// Normally distributed values: mean 0, deviation 1.
void fill_normals(uint64_t seed, double *values, size_t n);

#endif
