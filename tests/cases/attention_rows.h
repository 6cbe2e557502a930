// SPDX-License-Identifier: MIT
// Words that the tables of attention share.
#ifndef CASES_ATTENTION_ROWS_H
#define CASES_ATTENTION_ROWS_H

#include "cases/attention.h"

// What sequences say of themselves.
#define LIST(...)                                                                                  \
    (const int32_t[])                                                                              \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

// Lengths at the edges of tiles, of 200 keys, and beyond what there is; of prompts, and of caches
// that are read in several parts.
#define LENS_200                                                                                   \
    .n_batch = 12, .kv_len = 200,                                                                  \
    .kv_lens = LIST(0, 1, 31, 32, 33, 64, 127, 128, 129, 200, 100000, -7)
#define LENS_1100     .n_batch = 7, .kv_len = 1100, .kv_lens = LIST(1, 0, 63, 513, 1024, 1025, 1100)
#define LENS_SHORT    .n_batch = 6, .kv_len = 70, .kv_lens = LIST(0, 5, 33, 64, 70, INT32_MAX)
#define LENS_CACHE    .n_batch = 4, .kv_len = 300, .kv_lens = LIST(300, 0, 150, 7)
#define STARTS        .n_batch = 6, .q_starts = LIST(0, -9, 30, 1000, INT32_MAX, INT32_MIN)
#define GROUPS        .n_heads = 4, .n_kv_heads = 2, .head_dim = 64
#define CAUSAL_AT_END .is_causal = true, .align = GYRE_ALIGN_END

// How far positions and windows reach.
enum { FARTHEST = 1 << 30 };

#endif
