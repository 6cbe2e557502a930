// SPDX-License-Identifier: MIT
// Variants of kernels: comparing and naming them.
#ifndef GYRE_VARIANT_H
#define GYRE_VARIANT_H

#include "backend.h"

bool gyre_variant_equal(const struct gyre_variant *a, const struct gyre_variant *b);

uint32_t gyre_kernel_n_defs(const struct gyre_kernel *kernel);
uint32_t gyre_kernel_n_consts(const struct gyre_kernel *kernel);

// "rope X_DTYPE=1 PAIRING=0 | WG=64 HEADS=4", cut to `size` bytes; for logs and cache keys.
void gyre_variant_describe(const struct gyre_variant *variant, char *text, size_t size);

#endif
