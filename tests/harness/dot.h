// SPDX-License-Identifier: MIT
// A dot product in double precision.
#ifndef GYRE_TESTS_HARNESS_DOT_H
#define GYRE_TESTS_HARNESS_DOT_H

#include <stddef.h>

static inline double dot(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

#endif
