// SPDX-License-Identifier: MIT
// Where the sums of linear attention lie.

// Row d of S, and element d of z, of entry e; `sums` is a part of the arguments.
#define STATE_ROW(sums, batch, head, e, d)                                                         \
    (sums.state_offset + (batch)*sums.state_stride[0] + (head)*sums.state_stride[1] +              \
     (e)*sums.state_stride[2] + (d)*sums.state_stride[3])
#define NORM_AT(sums, batch, head, e, d)                                                           \
    (sums.norm_offset + (batch)*sums.norm_stride[0] + (head)*sums.norm_stride[1] +                 \
     (e)*sums.norm_stride[2] + (d)*sums.norm_stride[3])
