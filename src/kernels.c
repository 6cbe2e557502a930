// SPDX-License-Identifier: MIT
#include "kernels.h"

#include "args/attention.h"
#include "args/attention_combine.h"
#include "args/attention_merge.h"
#include "args/linear_attention.h"
#include "args/rope.h"
#include "args/softmax.h"

// groups: (ceil(items / WG), tokens (strided), batch), where an item is one pair or passed-through
// element of HEADS heads.
const struct gyre_kernel gyre_kernel_rope = {
    .name = "rope",
    .args_size = sizeof(struct gyre_rope_args),
    .n_bufs = 7,
    .defs = {"X_DTYPE", "PAIRING", "CACHE_DTYPE", "ADD"},
    .consts = {"WG", "HEADS"}, // HEADS 0: all
};

// groups: (row tiles * splits * v tiles, kv heads, batch), v tiles innermost: splits over keys with
// EXTRA_PARTIAL only. STAGED 1: keys and values pass through local
// memory; 0: they are read from global memory. V_TILE is a multiple of 4 only where v_dim is one.
const struct gyre_kernel gyre_kernel_attention = {
    .name = "attention",
    .args_size = sizeof(struct gyre_attention_args),
    .n_bufs = 7 + ATTENTION_N_EXTRAS,
    .defs = {"Q_DTYPE", "K_DTYPE", "V_DTYPE", "OUT_DTYPE", "MASK_DTYPE", "STAGED", "EXTRAS"},
    .consts = {"WG", "TILE_Q", "TILE_K", "HEAD_DIM", "V_TILE"},
};

// groups: (splits * v tiles, kv heads * row tiles, batch), v tiles and row tiles innermost. On the
// CPU group y takes an even share of the kv heads and row tiles.
const struct gyre_kernel gyre_kernel_attention_split = {
    .name = "attention_split",
    .args_size = sizeof(struct gyre_attention_args),
    .n_bufs = 5 + ATTENTION_N_EXTRAS,
    .defs = {"Q_DTYPE", "K_DTYPE", "V_DTYPE", "MASK_DTYPE", "EXTRAS"},
    .consts = {"WG", "TILE_Q", "TILE_K", "HEAD_DIM", "V_TILE"},
};

// groups: (ceil(v_dim / WG), rows (q_len * group; strided), kv heads * batch, kv heads innermost).
const struct gyre_kernel gyre_kernel_attention_combine = {
    .name = "attention_combine",
    .args_size = sizeof(struct gyre_attention_combine_args),
    .n_bufs = 5,
    .defs = {"OUT_DTYPE"},
    .consts = {"WG"},
};

// groups: (rows (strided), 1, 1): a work-group per row. On the CPU group x takes an even share.
const struct gyre_kernel gyre_kernel_attention_merge = {
    .name = "attention_merge",
    .args_size = sizeof(struct gyre_attention_merge_args),
    .n_bufs = 8,
    .defs = {"PART_DTYPE", "OUT_DTYPE"},
    .consts = {"WG"},
};

// groups: (ceil(kv_len / TILE_K), ceil(q_len / TILE_Q), heads * batch, heads innermost), with
// STAGE_SUMS (ceil(kv_len / TILE_K), 1, heads * batch).
const struct gyre_kernel gyre_kernel_scores = {
    .name = "scores",
    .args_size = sizeof(struct gyre_attention_args),
    .n_bufs = 6 + ATTENTION_N_EXTRAS,
    .defs = {"Q_DTYPE", "K_DTYPE", "MASK_DTYPE", "SCORES_DTYPE", "STAGE", "EXTRAS"},
    .consts = {"WG", "TILE_Q", "TILE_K"},
};

// groups: (1, queries (strided), heads * batch, heads innermost): a work-group per row.
const struct gyre_kernel gyre_kernel_softmax = {
    .name = "softmax",
    .args_size = sizeof(struct gyre_softmax_args),
    .n_bufs = 9,
    .defs = {"MASK_DTYPE", "SCORES_DTYPE", "STAGE", "EXTRAS"},
    .consts = {"WG"},
};

// groups: (segments * dim tiles * v tiles, v tiles innermost; kv heads; batch), a dim tile being
// TILE_D slots. On the CPU (segments, kv heads, batch).
const struct gyre_kernel gyre_kernel_linear_state = {
    .name = "linear_state",
    .args_size = sizeof(struct gyre_linear_attention_args),
    .n_bufs = 7,
    .defs = {"K_DTYPE", "V_DTYPE", "ROPE"},
    .consts = {"WG", "TILE_D", "TILE_V"},
};

// groups: (ceil((v_dim + 1) * head_dim / WG), kv heads, batch). On the CPU group x takes an even
// share of the rows of S.
const struct gyre_kernel gyre_kernel_linear_prefix = {
    .name = "linear_prefix",
    .args_size = sizeof(struct gyre_linear_attention_args),
    .n_bufs = 6,
    .consts = {"WG"},
};

// groups: (row tiles * v tiles, v tiles innermost; kv heads; batch), a row tile being TILE_Q packed
// rows. On the CPU (segments of queries, kv heads, batch).
const struct gyre_kernel gyre_kernel_linear_attention = {
    .name = "linear_attention",
    .args_size = sizeof(struct gyre_linear_attention_args),
    .n_bufs = 7,
    .defs = {"Q_DTYPE", "K_DTYPE", "V_DTYPE", "OUT_DTYPE", "ROPE"},
    .consts = {"WG", "TILE_Q", "TILE_K", "TILE_V", "CAUSAL"},
};
