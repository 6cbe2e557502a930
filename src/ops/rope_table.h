// SPDX-License-Identifier: MIT
// A RoPE configuration compiled for a device.
#ifndef GYRE_OPS_ROPE_TABLE_H
#define GYRE_OPS_ROPE_TABLE_H

#include <gyre/rope.h>

struct gyre_rope_table {
    struct gyre_device *device;
    struct gyre_buffer *turns; // (n_pairs, 2) u32: low and high half of the turn per position
    uint32_t head_dim, n_pairs, rotary_offset;
    enum gyre_rope_pairing pairing;
    float amplitude;
};

// inv_freq radians as a 64-bit fraction of a turn, rounded to nearest; |inv_freq| < 2^32.
uint64_t gyre_turn_from_radians(double inv_freq);

#endif
