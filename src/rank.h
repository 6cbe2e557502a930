// SPDX-License-Identifier: MIT
// Which device is best: a pure function over the facts.
#ifndef GYRE_RANK_H
#define GYRE_RANK_H

#include <gyre/device.h>

// Negative when a is better, positive when b is, 0 when they are equal.
int gyre_rank_compare(const struct gyre_device_info *a, const struct gyre_device_info *b);

// Sorts best first (stable) and fills in rank, why and physical.
void gyre_rank_sort(struct gyre_device_info *infos, size_t n);

#endif
