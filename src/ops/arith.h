// SPDX-License-Identifier: MIT
// Small arithmetic of planning.
#ifndef GYRE_OPS_ARITH_H
#define GYRE_OPS_ARITH_H

#include <stdint.h>

static inline uint32_t div_up(uint32_t a, uint32_t b)
{
    return (uint32_t)(((uint64_t)a + b - 1) / b);
}

static inline uint32_t max_u32(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static inline uint32_t min_u32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

#endif
