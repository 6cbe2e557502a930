// SPDX-License-Identifier: MIT
// Kernel `attention_combine`: merges the partial results of attention_split.
//
//   M = max m_i   L = sum_i l_i exp(m_i - M)   lse = M + log L
//   o = sum_i acc_i exp(m_i - M) / (L + exp(sink - M))
//
// Buffers: 0 partial (layout in args/attention.h), 1 out, 2 lse, 3 sinks, 4 q_firsts. Defines:
// OUT_DTYPE.
#ifndef GYRE_ARGS_ATTENTION_COMBINE_H
#define GYRE_ARGS_ATTENTION_COMBINE_H

#include "attention.h"

struct gyre_attention_combine_args {
    u32 n_batch, n_kv_heads, group, q_len, v_dim;
    u32 n_splits;
    u32 has_out, has_lse;
    ROWS(out);             // (batch, token, head)
    ROWS(lse);             // (batch, head, query)
    u32 sinks;             // 1 + the offset of the first of (n_heads), or 0
    u32 q_firsts, q_total; // as in args/attention.h; q_len is then the longest
};

#endif
