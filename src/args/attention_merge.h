// SPDX-License-Identifier: MIT
// Kernel `attention_merge`: attention over disjoint ranges of keys, the parts i of a row, becomes
// attention over all of them:
//
//   M = max lse_i    L = sum_i exp(lse_i - M)    acc = sum_i exp(lse_i - M) out_i
//   out = acc / (L + exp(sink - M))    lse = M + log L
//
// Any number of parts are merged two a dispatch, so that eight buffers do, which every GPU has. All
// dispatches but the last leave M, L and acc in `running` for the next one; only the last writes
// results, so that these may be the tensors of any part.
//
// Buffers: 0 out and 1 lse of the dispatch's first part, 2 and 3 of its second, 4 running, 5 out,
//          6 lse, 7 sinks.
//   running f32: acc (n_rows, v_dim), then M and L (n_rows, 2), in the order in which the kernel
//   takes rows.
// Defines: PART_DTYPE (of out in the parts), OUT_DTYPE.
#ifndef GYRE_ARGS_ATTENTION_MERGE_H
#define GYRE_ARGS_ATTENTION_MERGE_H

#include "types.h"

// Parts of a dispatch.
#define MERGE_PARTS 2

// Where an output and its LSE lie; offsets and strides in elements of the tensor they belong to.
struct gyre_out_and_lse {
    ROWS(out); // (batch, token, head)
    ROWS(lse); // (batch, head, query)
};

struct gyre_attention_merge_args {
    u32 n_rows, n_heads, q_len;
    u32 v_dim;      // 0: no out is asked for
    u32 has_lse;    // of the result
    u32 has_before; // an earlier dispatch left something in `running`
    u32 n_left;     // parts to merge, by this dispatch (1 or 2 of them) and later ones
    u32 sinks;      // 1 + the offset of the first of (n_heads), or 0
    STRUCT(gyre_out_and_lse) parts[MERGE_PARTS], result;
};

#endif
