// SPDX-License-Identifier: MIT
// A RoPE configuration compiled for a device.
#ifndef GYRE_OPS_ROPE_TABLE_H
#define GYRE_OPS_ROPE_TABLE_H

#include <gyre/rope.h>

struct gyre_rope_table {
    struct gyre_device *device;
    struct gyre_buffer *rows; // as args/rope.h has it
    uint32_t head_dim, rotary_offset;
    enum gyre_rope_pairing pairing;
    struct gyre_rope_facts facts;
};

// A table with another's pairs and pairing, of default frequencies: for trials on any device.
enum gyre_status gyre_rope_table_like(struct gyre_device *device,
                                      const struct gyre_rope_table *like,
                                      struct gyre_rope_table **out);

// Bytes of the buffer for so many pairs.
uint64_t gyre_rope_table_size(uint32_t n_pairs);

#endif
